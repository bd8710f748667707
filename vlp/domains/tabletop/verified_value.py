"""The learned value, held to the goal's rule near the end."""

from __future__ import annotations

import numpy as np

from planner import Frames, StepsToGo, Value
from tasks.tabletop.goals.goal import BoardGoal, LongGoal
from tasks.tabletop.seeing.encoder import PoseProbe
from vlp.domains.tabletop.sight import expected_reward

LEAST = 20.0
"""Control steps that a block takes at least which a long task is about and which is not as it says."""
LEAST_PUSH = 1.0
"""The same for a single push, of which the rule can't tell how far it is."""
DETAIL = 0.01
"""Share of the learned steps that is added where the rule asks for more, so that it still orders equals."""


class VerifiedValue:
    """Steps-to-go as learned, but 0 where the goal is seen surely reached, and where it is not no fewer than
    the reward still missing takes. A learned value is least sure about the last steps, and a search that
    takes a board for done looks no further.

    Args:
        value: the learned one.
        probe: sees where the blocks are.
        goal: whose rule says what is done.
        done_below: control steps under which the search takes a board for done.
    """

    def __init__(self, value: Value, probe: PoseProbe, goal: BoardGoal, done_below: float) -> None:
        self._value, self._probe, self._goal, self._done_below = value, probe, goal, done_below
        self._least = LEAST * len(goal.names) if isinstance(goal, LongGoal) else LEAST_PUSH

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """Control steps left from each of `frames` uint8 [N, H, W, 3]."""
        learned = self._value.steps_to_go(frames, goal)
        seen = zip(*self._probe.places(frames), strict=True)
        reward = np.array([expected_reward(self._goal, here, where, where[-1]) for here, where in seen])
        least = np.where(reward < 1.0, self._done_below + self._least * (1.0 - reward), 0.0)
        mean = np.where(reward < 1.0, np.maximum(learned.mean, least) + DETAIL * learned.mean, 0.0)
        return StepsToGo(mean.astype(np.float32), learned.spread)
