"""Boards that long tasks are begun from in time lapses: as an agent leaves them behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from tasks.tabletop.demos.demonstrator import choose, settled
from tasks.tabletop.demos.kinematic import Blocks, Pushed, Vector, carry_out, push_to
from tasks.tabletop.demos.oracle import REACH_HIGH, REACH_LOW
from tasks.tabletop.demos.played import kept_on, sloppily
from tasks.tabletop.goals.base import LongTask, Subgoal
from tasks.tabletop.world import board

_SPOILED: Final = 0.5
"""Share of boards on which all was done, and then was spoiled; on the others it was begun sloppily."""
_BEFORE: Final = 9
"""Pushes at most by which it was begun."""
_MOST: Final = 14
"""Pushes at most until all is done."""
_SPOILS: Final = 2
"""Blocks at most that are pushed away then."""
_BESIDE: Final = 0.7
"""Share of these that end up beside another block: a group of what does not belong together looks most like
one that does."""
_NEAR: Final = 0.05
"""Metres from another block within which one is beside it."""


def complete(task: LongTask, blocks: Blocks) -> bool:
    """Whether all is done."""
    return task.reward(blocks, board.BLOCK_8) >= 1.0


def left_behind(
    task: LongTask, blocks: Blocks, pusher: Vector, rng: np.random.Generator
) -> tuple[Blocks, Vector]:
    """Where blocks and pusher [2] metres are after some pushes from where they are; no block is lost."""
    if rng.random() < _SPOILED:
        return _spoiled(task, blocks, pusher, rng)
    return _begun(task, blocks, pusher, rng)


def _begun(task: LongTask, blocks: Blocks, pusher: Vector, rng: np.random.Generator) -> tuple[Blocks, Vector]:
    """After a few sloppy pushes."""
    most = int(rng.integers(_BEFORE + 1))
    return _after(task, blocks, pusher, rng, most, lambda asked, here, at: sloppily(rng, asked, here, at))


def _spoiled(
    task: LongTask, blocks: Blocks, pusher: Vector, rng: np.random.Generator
) -> tuple[Blocks, Vector]:
    """Done as far as may be, and then some blocks were pushed away."""
    blocks, pusher = _after(
        task, blocks, pusher, rng, _MOST, lambda asked, here, at: carry_out(asked, here, at, rng)
    )
    for _ in range(int(rng.integers(1, _SPOILS + 1))):
        result = _pushed_away(blocks, pusher, rng)
        blocks, pusher = result.blocks, result.pusher
    return blocks, pusher


def _after(
    task: LongTask,
    blocks: Blocks,
    pusher: Vector,
    rng: np.random.Generator,
    most: int,
    push: Callable[[Subgoal, Blocks, Vector], Pushed],
) -> tuple[Blocks, Vector]:
    """After so many pushes at most of what a demonstrator would do next."""
    for _ in range(most):
        if complete(task, blocks) or not (subgoals := task.subgoals(blocks)):
            break
        result = push(settled(choose(subgoals, rng), blocks), blocks, pusher)
        blocks, pusher = result.blocks, result.pusher
    return blocks, pusher


def _pushed_away(blocks: Blocks, pusher: Vector, rng: np.random.Generator) -> Pushed:
    """One of them, beside another one or anywhere."""
    name, other = (str(one) for one in rng.permutation(list(blocks))[:2])
    goal = rng.uniform(REACH_LOW, REACH_HIGH)
    if rng.random() < _BESIDE:
        angle = rng.uniform(-np.pi, np.pi)
        goal = np.clip(
            blocks[other] + _NEAR * np.array([np.cos(angle), np.sin(angle)]), REACH_LOW, REACH_HIGH
        )
    return kept_on(push_to(blocks, pusher, name, goal, rng, 0.0))
