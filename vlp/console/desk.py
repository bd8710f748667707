"""Desk: what the operator sees of the run that is under way, and the answers that it waits for."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from executors.robot import Observation
from executors.safety.faults import HoldError
from planner import Search
from vlp.agent.approval import Answer, check
from vlp.errors import UsageError
from vlp.events.types import Acted, Event, Observed, Searched, Stopped, SubgoalStarted, Verified
from vlp.events.words import line, plain, search_line

Topic = Literal["status", "camera", "plan", "acted", "history", "stopped"]
"""What of the page has changed."""
SAID: Final = 8
"""Lines of what happened that are shown."""


@dataclass(frozen=True, kw_only=True)
class DeskScene:
    """The run as the page shows it; replaced as a whole."""

    run: str = ""
    """Name of its folder; empty before the first."""
    doing: Literal["nothing", "loading", "searching", "waiting", "acting"] = "nothing"
    words: str = "nothing is under way"
    error: str = ""
    decision: int = 0
    """The newest search."""
    waits: int = 0
    """The decision whose plan waits for an answer; 0 for none."""
    control_step: int = 0
    score: float | None = None
    said: tuple[str, ...] = ()

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return self.doing != "nothing"


class Desk:
    """A `Watcher` on one side, the page on the other; `began` is called by each run anew.

    Args:
        check_subgoal: raises ValueError for words of an operator that are no subgoal; a run that is begun
            sets its own, since it knows what its models can read.
    """

    def __init__(self, check_subgoal: Callable[[str], None]) -> None:
        self.check_subgoal = check_subgoal
        self._changed = threading.Condition()
        self.versions: Counter[Topic] = Counter()
        """How often each part of the page has changed."""
        self.scene = DeskScene()
        self.frame: NDArray[np.uint8] | None = None
        self._said: deque[str] = deque(maxlen=SAID)
        self._found: Search | None = None
        self._answer: Answer | None = None
        self._left: str | None = None
        """Why the run is to be left where it is."""

    def _show(self, *topics: Topic, **changes: object) -> None:
        with self._changed:
            self.scene = replace(self.scene, **changes)  # type: ignore[arg-type]
            self.versions.update(topics)
            self._changed.notify_all()

    # -- the run's side ----------------------------------------------------------------------------

    def loading(self, words: str) -> None:
        """A run is about to begin."""
        self._said.clear()
        self._left, self._answer = None, None  # first: who stops it from now on means this run
        self.scene = DeskScene(doing="loading", words=words)
        self._show("status", "plan", "acted")

    def began(self, folder: Path) -> None:
        """The run lies in this folder."""
        self._show("status", "history", run=folder.name)

    def __call__(self, event: Event) -> None:
        """Something happened."""
        match event:
            case Observed() | Acted():
                score = getattr(event, "score", None)
                told = {} if score is None else {"score": score}
                self._show("status", control_step=event.control_step, **told)
            case Searched():
                self._show("plan", decision=event.decision)
            case SubgoalStarted():
                self._show("status", "plan", doing="acting", words=plain(event.subgoal))
            case Verified():
                self._show("acted", doing="searching", words="looking")
            case Stopped():
                self._show("status", score=event.score)
        if text := line(event):
            self._said.append(plain(text))
            self._show("status", said=tuple(self._said))

    def on_event(self, kind: str, details: dict[str, object]) -> None:
        """How far a search is."""
        self._show("status", doing="searching", words=plain(search_line(kind, details)))

    def seen(self, observation: Observation) -> None:
        """What the robot sees now. Raises HoldError once the run is to be left where it is."""
        self.frame = np.asarray(observation["rgb"])
        self._show("camera")
        if self._left is not None:
            raise HoldError(self._left)

    def ask(self, decision: int, found: Search) -> Answer | None:
        """Wait for the operator's answer; None where the run is to be left as it is."""
        words = "the plan waits for your answer"
        self._found, self._answer = found, None
        self._show("status", "plan", doing="waiting", words=words, waits=decision, decision=decision)
        with self._changed:
            self._changed.wait_for(lambda: self._answer is not None or self._left is not None)
            answer, self._found = self._answer, None
        self._show("status", "plan", doing="searching", words="", waits=0)
        return answer

    def over(self, words: str, error: str = "") -> None:
        """The run has ended."""
        self._show("status", "plan", "acted", "history", doing="nothing", words=words, error=error, waits=0)

    # -- the operator's side -----------------------------------------------------------------------

    def answer(self, run: str, decision: int, answer: Answer) -> None:
        """Of the operator. Raises UsageError where the plan of this decision does not wait (any more), and
        for branches that it has not."""
        found = self._waiting(run, decision)
        try:
            check(answer, found, self.check_subgoal)  # without the lock, which a stop needs
        except ValueError as error:
            raise UsageError(str(error)) from error
        with self._changed:
            if self._waiting(run, decision) is not found:
                raise UsageError("expected an answer to the plan that waits, got one to another; look again")
            if self._answer is not None:
                raise UsageError("expected one answer to a plan, got a second one; the first one counts")
            self._answer = answer
            self._changed.notify_all()

    def _waiting(self, run: str, decision: int) -> Search:
        with self._changed:
            if self._found is None or (run, decision) != (self.scene.run, self.scene.waits):
                raise UsageError("expected an answer to the plan that waits, got one to another; look again")
            return self._found

    def touch(self, *topics: Topic) -> None:
        """Something that parts of the page show has changed."""
        self._show(*topics)

    def leave(self, reason: str) -> None:
        """Let the run end where it is: nothing more is sent, and it can be resumed."""
        with self._changed:
            self._left = reason
            self._changed.notify_all()

    def wait(self, ready: Callable[[DeskScene], bool], seconds: float) -> bool:
        """Wait until the scene is so; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: ready(self.scene), seconds)
