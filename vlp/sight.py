"""Whether a goal is seen reached, from where the camera shows the blocks."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from planner import Frames
from tasks.board import KINDS, words_of
from tasks.goal import Goal, LongGoal
from tasks.perception import PoseProbe
from tasks.slots import SLOTS

SURE = 0.004
"""Metres that each block may be off, either way, before a goal counts as seen reached."""
HIDES = 0.05
"""Metres from the pusher within which it may hide part of a block from the camera."""
HIDDEN = 3.0
"""Times as far that such a block may be off: 13 mm were seen."""
CLOSELY = 0.002
"""Metres that each block may be off, either way, where a closer look (vlp.closer) is to say that a goal is
reached, whether the pusher is near or not: of 283 lines it found 156, and took none of 37 others for one."""
ELSEWHERE = 0.01
"""Metres from where it was at which a block has been moved; the camera is off by 2 mm."""
_SHIFTS = np.concatenate(
    [np.zeros((1, SLOTS, 2)), np.random.default_rng(0).choice([-1.0, 1.0], (8, SLOTS, 2))]
)


def reached(
    goal: Goal,
    present: NDArray[np.bool_],
    where: NDArray[np.float32],
    target: Sequence[float],
    *,
    sure: float = SURE,
    hidden: float = HIDDEN,
) -> bool:
    """Whether the goal's rule holds for the blocks that were seen (presence [17], places [17, 2] in metres,
    pusher last; set point [2]), and still does when each of them is off by `sure` metres, as the probe's
    errors are; with 0, whether it seems to. Of a long goal, blocks near the pusher may be off by `hidden`
    times as much; single pushes end with the pusher at their block, and are taken as they seem."""
    near = (np.linalg.norm(where - where[-1], axis=-1) < HIDES) & isinstance(goal, LongGoal)
    shifts = np.where(near, hidden, 1.0)[:, None] * sure * _SHIFTS if sure else _SHIFTS[:1]
    return all(_reward(goal, present, where + shift, target) >= 1.0 for shift in shifts)


def moved(probe: PoseProbe, before: Frames, now: Frames) -> str:
    """What is elsewhere in a frame uint8 [H, W, 3] than in an earlier one, in words; empty where nothing is.
    A block that is seen in one of them only counts, unless the pusher may hide it."""
    present, where = probe.places(np.stack([before, now]))
    far = np.linalg.norm(where[1] - where[0], axis=-1)
    hidden = (np.linalg.norm(where - where[:, -1:], axis=-1) < HIDES).any(0)
    for k, kind in enumerate(KINDS):
        if present[:, k].all() and far[k] > ELSEWHERE:
            return f"the {words_of(kind)} went {far[k]:.3f} m"
        if present[0, k] != present[1, k] and not hidden[k]:
            return f"the {words_of(kind)} {'came' if present[1, k] else 'went away'}"
    return ""


def too_many(goal: Goal, blocks: Collection[str], most: int) -> str | None:
    """Why a goal can't be worked at with so many blocks on the board, or None where it may. `most`: blocks
    that the models can do with."""
    if len(blocks) > most:
        return (
            f"expected at most {most} blocks on the board, got {len(blocks)}: the models see no more; "
            "take some away"
        )
    if isinstance(goal, LongGoal) and len(goal.names) > goal.task.most:
        return (
            f'expected at most {goal.task.most} blocks for "{goal.text}", got {len(goal.names)}: more do not '
            "fit; take some away"
        )
    return None


def expected_reward(
    goal: Goal, present: NDArray[np.bool_], where: NDArray[np.float32], target: Sequence[float]
) -> float:
    """The goal's reward, 0..1, as it is on average when each block is off by `SURE` metres."""
    return float(np.mean([_reward(goal, present, where + SURE * shift, target) for shift in _SHIFTS]))


def _reward(
    goal: Goal, present: NDArray[np.bool_], where: NDArray[np.float64], target: Sequence[float]
) -> float:
    blocks = {kind: xy for kind, xy, there in zip(KINDS, where, present, strict=False) if there}
    return goal.reward(blocks, target)
