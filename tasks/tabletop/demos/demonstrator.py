"""Scripted demonstrations: single pushes and whole long-horizon tasks, step by step."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.demos import oracle
from tasks.tabletop.goals import families
from tasks.tabletop.goals.base import LongTask, Subgoal
from tasks.tabletop.goals.push import fixed_fields, succeeded
from tasks.tabletop.language.instruction import Instruction
from tasks.tabletop.world import board
from tasks.tabletop.world.world import World

Vector = NDArray[np.float64]
MAX_PUSH_STEPS = 90
TOUCHING = 0.046
"""Metres between the centres of blocks that were pushed together, where their outlines allow it."""
MARGIN = {
    "block2absolutelocation": 0.075,
    "block2relativelocation": 0.045,
    "block2block_relative_location": 0.02,
    "block1_to_corner": 0.045,
    "block2line": 0.016,
}
"""How near to the family's point a demonstration ends, metres; a good part inside the rule's threshold."""
INSIDE = 0.015
"""How deep in its area a block is when a demonstration ends, metres."""


@dataclass(frozen=True)
class Noise:
    """Disturbances of the oracle's actions, so that recoveries are seen too."""

    rate: float = 0.0
    """Chance a control step that a disturbance begins."""
    size: float = 0.02
    """Its standard deviation, metres a control step."""
    length: int = 4
    """Control steps that it lasts."""


@dataclass
class Push:
    """One push under way: what is asked, what it fixed at the start, how it is done."""

    instruction: Instruction
    task: Mapping[str, object]
    style: oracle.Style
    spot: Vector | None = None
    steps: int = 0
    done: bool = False

    @classmethod
    def begin(
        cls,
        instruction: Instruction,
        blocks: Mapping[str, Vector],
        style: oracle.Style,
        spot: Vector | None = None,
    ) -> Push:
        """Fix the task's numbers for a layout. For families that leave a choice, `spot` is the choice."""
        if spot is None and instruction.family in families.EXTENSION_FAMILIES:
            free = families.spots(instruction, blocks)
            spot = free[0] if len(free) else None
        return cls(instruction, fixed_fields(instruction, blocks), style, spot)

    def settle(self, blocks: Mapping[str, Vector]) -> Self:
        """Let it go where its words alone say, see `settled_spot`."""
        self.spot = settled_spot(self.instruction, blocks, self.spot)
        return self

    def succeeded(self, blocks: Mapping[str, Vector], target: Vector) -> bool:
        """Whether the family's rule holds now."""
        return succeeded(self.instruction.family, self.task, blocks, target)

    def goal(self, blocks: Mapping[str, Vector]) -> Vector:
        """Where the pushed block (or the pusher, for point2block) should come to rest now, metres."""
        name = families.pushed(self.instruction)
        if name is None:
            return np.asarray(blocks[str(self.instruction.fields["block"])])
        return families.goal(self.instruction, self.task, blocks, self.spot)

    def finished(self, blocks: Mapping[str, Vector], target: Vector) -> bool:
        """Success with a margin: the block is near its goal, not only within the rule."""
        family, name = self.instruction.family, families.pushed(self.instruction)
        if not self.succeeded(blocks, target):
            return False
        if name is None:
            return True
        here = blocks[name]
        if family == "block2block":
            gap = float(np.linalg.norm(here - blocks[str(self.instruction.fields["target_block"])]))
            return gap < TOUCHING or self.steps > 60
        if family == "block2area":
            return bool(families.deep_in_area(str(self.instruction.fields["area"]), here, INSIDE))
        point = np.asarray(self.task.get("target_xy", self.goal(blocks)), float)
        return float(np.linalg.norm(point - here)) < MARGIN.get(family, 0.014)

    def action(self, blocks: Mapping[str, Vector], target: Vector) -> Vector:
        """The oracle's set-point change [2], metres, in this state."""
        name = families.pushed(self.instruction)
        if name is not None:
            return oracle.push(blocks, target, name, self.goal(blocks), self.style)
        here = blocks[str(self.instruction.fields["block"])]
        away = target - here
        point = here + 0.044 * away / max(float(np.linalg.norm(away)), 1e-6)
        return oracle.reach(blocks, target, point, self.style)


def settled_spot(
    instruction: Instruction, blocks: Mapping[str, Vector], spot: Vector | None
) -> Vector | None:
    """Where a block [2] metres should go: one that is to come to a line to its nearest free place, which its
    words and a picture tell; a long task's `spot` is that of its rank among all. One that is there already
    keeps its own."""
    if instruction.family != "block2line":
        return spot
    free = families.spots(instruction, blocks)
    there = succeeded(instruction.family, fixed_fields(instruction, blocks), blocks, np.zeros(2))
    return spot if there or not len(free) else np.asarray(free[0])


def settled(subgoal: Subgoal, blocks: Mapping[str, Vector]) -> Subgoal:
    """A long task's subgoal with the spot that its words tell, see `settled_spot`."""
    return replace(subgoal, spot=settled_spot(subgoal.instruction, blocks, subgoal.spot))


def centers(world: World) -> dict[str, Vector]:
    """Centres [2] in metres of the blocks still on the board."""
    lost = world.lost()
    return {name: np.array(pose[:2]) for name, pose in world.poses().items() if name not in lost}


def run_push(
    world: World,
    push: Push,
    rng: np.random.Generator,
    noise: Noise | None = None,
    max_steps: int = MAX_PUSH_STEPS,
) -> Iterator[tuple[dict[str, Vector], Vector]]:
    """Carry out a push; before each control step yield the blocks' centres and the action to be taken."""
    noise = noise or Noise()
    left, shove = 0, np.zeros(2)
    for push.steps in range(max_steps):
        blocks, target = centers(world), np.array(world.target)
        if not set(push.instruction.blocks()) <= set(blocks):
            return
        push.done = push.finished(blocks, target)
        if push.done:
            return
        action = push.action(blocks, target)
        if left == 0 and rng.random() < noise.rate:
            left, shove = noise.length, rng.normal(0, noise.size, 2)
        moved = action + shove if left > 0 else action
        left = max(0, left - 1)
        yield blocks, action
        low = (board.EFFECTOR_X[0], board.EFFECTOR_Y[0])
        high = (board.EFFECTOR_X[1], board.EFFECTOR_Y[1])
        world.step(np.clip(target + np.clip(moved, -board.MAX_DELTA, board.MAX_DELTA), low, high))


def choose(subgoals: list[Subgoal], rng: np.random.Generator, temperature: float = 0.04) -> Subgoal:
    """A subgoal drawn by its cost (softmin at `temperature` metres)."""
    costs = np.array([subgoal.cost for subgoal in subgoals])
    weights = np.exp(-(costs - costs.min()) / temperature)
    return subgoals[int(rng.choice(len(subgoals), p=weights / weights.sum()))]


def run_long(
    world: World,
    task: LongTask,
    rng: np.random.Generator,
    max_steps: int = board.LONG_MAX_STEPS,
    names: Collection[str] = (),
) -> Iterator[Push]:
    """Carry out a long task push by push; yield each push before it runs, to be run by the caller.

    names: blocks that the task is about beside those of the world; without them it can't be completed.
    """
    used, push = 0, None
    about = {*world.names, *names}
    while used < max_steps:
        subgoals = task.subgoals(centers(world))
        if not subgoals or task.reward(centers(world), about) >= 1.0:
            return
        # After a failed push the cheapest way is no longer the best guess.
        chosen = choose(subgoals, rng, 0.04 if push is None or push.done else 1.0)
        push = Push.begin(chosen.instruction, centers(world), oracle.Style.sample(rng), chosen.spot)
        yield push
        used += push.steps + 1
