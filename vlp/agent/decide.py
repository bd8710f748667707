"""Decision: one search with all that it is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from planner import Guard, Known, Proposer, Search, Untried, search, search_for
from tasks.domain import Goal
from vlp.agent.parts import Parts
from vlp.durable.recall import Recall
from vlp.errors import ModelSwitched, UsageError
from vlp.events.timing import Stopwatch
from vlp.settings import Settings

DONE_BELOW: Final = 4.0
"""Control steps; below this a frame is taken to show the goal reached."""


class Decider:
    """Searches for plans with the parts of one agent; `watch` takes the time of each part. Raises UsageError
    for a confidence that nobody can tell."""

    def __init__(
        self,
        parts: Parts,
        settings: Settings,
        watch: Stopwatch,
        live: Any = None,
        recall: Recall | None = None,
    ) -> None:
        self._parts, self._settings, self._watch, self._live = parts, settings, watch, live
        self._recall = recall
        if settings.min_confidence is not None and parts.confidence is None:
            raise UsageError(f"min confidence: {parts.no_confidence}")

    def search(
        self,
        frame: NDArray[np.uint8],
        goal: Goal,
        decision: int,
        known: Known | None = None,
        stalled: Sequence[str] = (),
    ) -> Search:
        """The best plan from a frame uint8 [H, W, 3] in the run's decision 1, 2, ...; `known`: an earlier
        tree of this frame as an operator changed it; `stalled`: subgoals that came to nothing on this scene.
        Raises NoPlan, and ModelError for a model that does not answer."""
        find = self._finder(frame, goal, known, stalled)
        seed = self._settings.seed * 1000 + decision
        try:
            found = self._find(find, seed)
        except ModelSwitched:  # half of it was another model's
            found = self._find(find, seed)
        return replace(found, expected_success=self._expected(found))

    def _expected(self, found: Search) -> float | None:
        confidence = self._parts.confidence
        return None if confidence is None else confidence.of(found)

    def _find(self, find: Callable[..., Search], seed: int) -> Search:
        seconds = self._settings.seconds
        if seconds is None:
            return find(seed=seed)
        return search_for(find, seconds=seconds, seed=seed, done_below=DONE_BELOW)

    def _finder(
        self, frame: NDArray[np.uint8], goal: Goal, known: Known | None, stalled: Sequence[str]
    ) -> Callable[..., Search]:
        """The search, but for its seed."""
        settings, parts, wrap, recall = self._settings, self._parts, self._watch.wrap, self._recall
        proposer: Proposer = Untried(wrap("propose", parts.proposer), stalled)
        video = wrap("video", parts.video)
        value = wrap("value", parts.value)
        if parts.verify is not None:
            value = parts.verify(value, goal, DONE_BELOW, self._watch)
        guards: list[Guard] = [wrap("guards", guard) for guard in (*parts.guards, *parts.close_guards)]
        if recall is not None:
            proposer, video, value = recall.proposer(proposer), recall.video(video), recall.value(value)
            guards = [recall.guard(guard, number) for number, guard in enumerate(guards)]
        return partial(
            search,
            proposer,
            video,
            value,
            frame,
            goal.text,
            beams=settings.beams,
            language_branches=settings.language_branches,
            video_branches=settings.video_branches,
            horizon=settings.horizon,
            guards=guards[: len(parts.guards)],
            close_guards=guards[len(parts.guards) :],
            done_below=DONE_BELOW,
            max_value_gain=parts.max_value_gain,
            on_event=None if self._live is None else self._live.on_event,
            known=known,
        )
