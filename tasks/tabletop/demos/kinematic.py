"""Kinematic play of long tasks, without physics: blocks go where they are pushed and shove others along.

A hundred times cheaper than the simulator, so that a value can be learned from far more boards than could be
demonstrated. The steps of a push are a least-squares fit to the demonstrator's own (1,371 pushes onto lines
in rollouts of training seeds: standard error 8 control steps); what the demonstrator would push next is asked
of the task, as in demonstrations.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.route import segment_distance
from tasks.tabletop.demos.demonstrator import INSIDE, MARGIN, choose
from tasks.tabletop.demos.rollouts import HOLD
from tasks.tabletop.goals import families
from tasks.tabletop.goals.base import LongTask, Subgoal
from tasks.tabletop.goals.push import fixed_fields
from tasks.tabletop.world import board

Vector = NDArray[np.float64]
Blocks = dict[str, Vector]
MOST = 600
"""Control steps after which a play counts as failed."""
MISSED = 400.0
"""Control steps that stand for a whole reward that was never reached: 50 for one block of eight, about
twice what its push costs, so that giving a block up never looks cheaper than bringing it home."""
_STANDOFF, _CONTACT = 0.05, 0.04
"""Metres between pusher and block where a push begins, and while it lasts."""
_REACHED = 0.044
"""Metres from a block at which the pusher has gone to it."""
_APART, _PUSHER_APART = 0.042, 0.033
"""Metres below which a block is shoved along by another block's centre, and by the pusher's."""
_ON_THE_WAY = 0.045
_BASE, _APPROACH, _WAY, _ROUND, _DETOUR, _CLUTTER, _EDGE = 2.0, 20.0, 78.0, 1.7, 1.8, 3.0, 200.0
"""Control steps of a push: at least, a metre of approach, a metre of pushing, when the block itself is to be
gone round, a block on the approach, a block on the push, a metre that the approach would leave the board."""
_SPREAD = 5.0
_FAILS, _FAILURE = 0.027, 40.0
_SHARES = np.linspace(0.0, 1.0, 21)[:, None]
_LOW, _HIGH = np.array([board.EFFECTOR_X, board.EFFECTOR_Y]).T


@dataclass(frozen=True)
class PlayOutcome:
    """What came of a play."""

    steps: float
    """Control steps until the best reward was reached."""
    reward: float
    """The best reward, 0..1."""

    @property
    def steps_to_go(self) -> float:
        """Control steps, with MISSED for what of the reward was not reached."""
        return self.steps + MISSED * (1.0 - self.reward)


@dataclass(frozen=True)
class Pushed:
    """A board after a push."""

    blocks: Blocks
    pusher: Vector
    """[2] metres."""
    steps: float
    done: bool


def _shove(points: Vector, center: Vector, apart: float) -> None:
    """Move the points [N, 2] that are nearer to a center than `apart` metres out to it."""
    gaps = points - center
    far = np.hypot(gaps[:, 0], gaps[:, 1])
    for k in np.flatnonzero(far < apart):
        points[k] = center + gaps[k] * apart / max(float(far[k]), 1e-6)


def approached(block: Vector, pusher: Vector, result: Pushed, name: str) -> tuple[Vector, float]:
    """Where the pusher [2] touched a block that was at [2] metres, and the share of a push's time that it
    took to get there."""
    way = result.blocks[name] - block
    begin = block - _CONTACT * way / max(float(np.hypot(*way)), 1e-9)
    return begin, min(0.9, _APPROACH * float(np.hypot(*(begin - pusher))) / result.steps)


def shoved_out(pusher: Vector, blocks: Blocks) -> Vector:
    """A place for the pusher [2] beside all blocks, as near as can be."""
    at = pusher[None].copy()
    for name in sorted(blocks):  # in an order of their own: out of one it may be into another
        _shove(at, blocks[name], _PUSHER_APART)
    return np.asarray(np.clip(at[0], _LOW, _HIGH))


def push_to(
    blocks: Mapping[str, Vector],
    pusher: Vector,
    name: str,
    goal: Vector,
    rng: np.random.Generator,
    off: float,
) -> Pushed:
    """Push one block to `goal` [2], about `off` metres short of it; one push in forty fails halfway."""
    here = blocks[name]
    way = goal - here
    length = float(np.hypot(*way))
    toward = way / max(length, 1e-9)
    begin = here - _STANDOFF * toward
    others = [other for other in blocks if other != name]
    rest = np.array([blocks[other] for other in others]).reshape(-1, 2)
    approach, pushing = segment_distance(np.array([pusher, here]), np.array([begin, goal]), rest)
    outside = float(np.maximum(np.maximum(_LOW - begin, begin - _HIGH), 0.0).sum())
    done = bool(rng.random() > _FAILS)
    steps = (
        _BASE
        + _APPROACH * float(np.hypot(*(begin - pusher)))
        + _WAY * length
        + _ROUND * bool(segment_distance(pusher[None], begin[None], here[None])[0, 0] < _ON_THE_WAY)
        + _DETOUR * int((approach < _ON_THE_WAY).sum())
        + _CLUTTER * int((pushing < _ON_THE_WAY).sum())
        + _EDGE * min(outside, 0.1)
        + rng.normal(0, _SPREAD)
    )
    short = off * rng.uniform(0.5, 1.0) if done else 0.5 * length
    end = goal - toward * min(short, length) + rng.normal(0, 0.003, 2)
    _shove(rest, begin, _PUSHER_APART)
    for _ in range(2):
        _shove(rest, end, _APART)
        for k in range(len(rest)):
            _shove(rest[k + 1 :], rest[k].copy(), _APART)
    after = {other: rest[k] for k, other in enumerate(others)} | {name: end}
    steps = max(float(steps), 4.0) + HOLD + (0.0 if done else _FAILURE)
    return Pushed(after, np.clip(end - _CONTACT * toward, _LOW, _HIGH), steps, done)


def reach(blocks: Mapping[str, Vector], pusher: Vector, name: str) -> Pushed:
    """Go to a block as the demonstrator would, and push nothing."""
    away = pusher - blocks[name]
    at = blocks[name] + _REACHED * away / max(float(np.hypot(*away)), 1e-6)
    return Pushed(dict(blocks), at, _BASE + _APPROACH * float(np.hypot(*(at - pusher))) + HOLD, True)


def carry_out(
    subgoal: Subgoal, blocks: Mapping[str, Vector], pusher: Vector, rng: np.random.Generator
) -> Pushed:
    """Push as the demonstrator would for one of a long task's subgoals."""
    instruction = subgoal.instruction
    name = families.pushed(instruction)
    assert name is not None
    goal = subgoal.spot
    if goal is None:
        goal = families.goal(instruction, fixed_fields(instruction, blocks), blocks)
    if instruction.family == "block2area":  # done as soon as the block is well inside
        way = blocks[name] + _SHARES * (goal - blocks[name])
        inside = families.deep_in_area(str(instruction.fields["area"]), way, INSIDE)
        return push_to(blocks, pusher, name, way[int(inside.argmax())] if inside.any() else goal, rng, 0.0)
    return push_to(blocks, pusher, name, goal, rng, MARGIN.get(instruction.family, 0.014))


def play(
    task: LongTask,
    blocks: Mapping[str, Vector],
    pusher: Vector,
    rng: np.random.Generator,
    most: float = MOST,
    names: Collection[str] = (),
) -> PlayOutcome:
    """Go on as the demonstrator would until the task is done, nothing is left to do, or `most` control steps.

    `blocks` are centres [2] and `pusher` [2] in metres; they are left as they are. `names`: blocks that the
    task is about beside those; it can't be completed without them.
    """
    steps, last = 0.0, True
    best = PlayOutcome(0.0, task.reward(blocks, names))
    while best.reward < 1.0 and steps < most:
        subgoals = task.subgoals(blocks)
        if not subgoals:
            break
        # After a failed push the cheapest way is no longer the best guess.
        result = carry_out(choose(subgoals, rng, 0.04 if last else 1.0), blocks, pusher, rng)
        blocks, pusher, last = result.blocks, result.pusher, result.done
        steps += result.steps
        reward = task.reward(blocks, names)
        if reward > best.reward:
            best = PlayOutcome(steps, reward)
    return best
