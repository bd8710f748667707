"""Fallback: the bundled VLM in the place of one that fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner import Proposal, Proposer, StepsToGo, Value
from vlp.errors import ModelError, ModelSwitched
from vlp.vlm.account import Accounted, Note
from vlp.vlm.hosted.replies import Success

Frames = NDArray[np.uint8]


class FallbackVLM:
    """Asks `first` until it fails, and from then on `second`.

    Two values do not measure alike: where `first` fails at scoring, ModelSwitched is raised once, so that
    the whole search is done again by `second` alone.

    Args:
        first: a proposer and value.
        second: another.
    """

    def __init__(self, first: Any, second: Any) -> None:
        self._first, self._second = first, second
        self._failed = False
        self._notes: list[Note] = []

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """See `planner.Proposer`."""
        proposer: Proposer = self._first
        if not self._failed:
            try:
                return proposer.propose(frames, goal, histories, n, seed=seed)
            except ModelSwitched:
                raise
            except ModelError as error:
                self._fail("proposer", error)
                raise ModelSwitched(str(error)) from error
        proposer = self._second
        return proposer.propose(frames, goal, histories, n, seed=seed)

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """See `planner.Value`."""
        value: Value = self._first
        if not self._failed:
            try:
                return value.steps_to_go(frames, goal)
            except ModelSwitched:  # it goes on by itself in another way
                raise
            except ModelError as error:
                self._fail("value", error)
                raise ModelSwitched(str(error)) from error
        value = self._second
        return value.steps_to_go(frames, goal)

    def success(self, frame: Frames, goal: str) -> Success:
        """See `SuccessJudge`; the bundled VLM has no opinion, so the goal's rule has the last
        word."""
        if not self._failed:
            try:
                found: Success = self._first.success(frame, goal)
                return found
            except ModelError as error:
                self._fail("success", error)
        return Success(reached=True, why="by the goal's rule alone")

    def _fail(self, part: str, error: ModelError) -> None:
        self._failed = True
        self._notes.append(Note("fell back", part, str(error)))

    def notes(self) -> list[Note]:
        """Those of the first model, and that it failed."""
        own, self._notes = self._notes, []
        return [*(self._first.notes() if isinstance(self._first, Accounted) else []), *own]

    def account(self) -> Mapping[str, Any]:
        """The first model's, and whether it failed."""
        account = self._first.account() if isinstance(self._first, Accounted) else {}
        return {**account, "fell_back": self._failed}

    def spent(self) -> str:
        """What the first model cost."""
        return self._first.spent() if isinstance(self._first, Accounted) else ""
