"""A goal alone: what stands in for a VLM where none was trained beside the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from planner import Frames, Proposal, StepsToGo

UNRANKED: Final = 1000.0
"""Control steps that every branch is said to need where nobody can tell."""


class GoalAlone:
    """A Proposer and Value that knows nothing: the goal is its own one subgoal, all branches are alike."""

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """See planner.Proposer."""
        return [[Proposal(goal, 1.0)] for _ in frames]

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """See planner.Value."""
        return StepsToGo(np.full(len(frames), UNRANKED, np.float32), np.zeros(len(frames), np.float32))
