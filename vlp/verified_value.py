"""The learned value, checked where it says that all is done."""

from __future__ import annotations

import numpy as np

from planner import Frames, StepsToGo, Value
from tasks.goal import Goal
from tasks.perception import PoseProbe
from vlp.sight import reached


class VerifiedValue:
    """Steps-to-go as learned, but 0 where the goal is seen surely reached, and never less than `done_below`
    where it is not: a learned value is least sure about the last few steps, and a search that takes a board
    for done looks no further.

    Args:
        value: the learned one.
        probe: sees where the blocks are.
        goal: whose rule says what is done.
        done_below: control steps under which the search takes a board for done.
    """

    def __init__(self, value: Value, probe: PoseProbe, goal: Goal, done_below: float) -> None:
        self._value, self._probe, self._goal, self._done_below = value, probe, goal, done_below

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """Control steps left from each of `frames` uint8 [N, H, W, 3]."""
        learned = self._value.steps_to_go(frames, goal)
        places = zip(*self._probe.places(frames), strict=True)
        done = np.array([reached(self._goal, here, where, where[-1]) for here, where in places], bool)
        mean = np.where(done, 0.0, np.maximum(learned.mean, self._done_below)).astype(np.float32)
        return StepsToGo(mean, learned.spread)
