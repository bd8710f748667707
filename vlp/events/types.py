"""Events of a run, small dataclasses, and how they reach whoever wants to know.

The loop emits; recording, the console and progress subscribe. Events hold no pictures: those lie in the run
folder, under the decision and frame numbers that stand here.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

Outcome = Literal["done", "go on", "replan"]


def _finite(value: object) -> object:
    """JSON has no NaN: a number that is not one becomes null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


Steps = Annotated[float | None, BeforeValidator(_finite)]
"""Control steps; None where the value model gave no number."""


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    time: float
    """Seconds since the run's start."""


class RunStarted(_Event):
    kind: Literal["run_started"] = "run_started"
    instruction: str
    task: str | None = None
    seed: int
    settings: dict[str, JsonValue] = {}
    rules: tuple[str, ...] = ()
    """An operator's, in words."""
    understood: str = ""
    """The instruction as it was understood, in plain words; empty where that is how it was said."""


class Observed(_Event):
    kind: Literal["observed"] = "observed"
    control_step: int
    score: float | None = None
    """0..1; None where nobody keeps score."""


class Beam(BaseModel):
    """A branch that was kept at its level."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    node: int
    depth: int
    subgoal: str
    steps_to_go: Steps
    spread: Steps
    in_plan: bool


class Searched(_Event):
    kind: Literal["searched"] = "searched"
    decision: int
    """1, 2, ..."""
    beams: tuple[Beam, ...]
    """Level by level."""
    clips: int
    rejected: dict[str, int]
    """How often each reason was given."""
    subgoals: tuple[str, ...]
    """Of the plan; empty when there is none."""
    steps_to_go: tuple[Steps, ...]
    """Left after each subgoal of the plan."""
    root_steps_to_go: Steps
    seconds: float
    expected_success: float | None = None
    """Of the plan's first step, 0..1; None where it is not known."""


class Unsure(_Event):
    """A plan is not acted on, since its expected success is below what was asked for."""

    kind: Literal["unsure"] = "unsure"
    decision: int
    expected_success: float
    needed: float
    ways: dict[str, str]
    """Branches that end in different ways, by their node ids, in words; of two or more one is asked for."""


class SubgoalStarted(_Event):
    kind: Literal["subgoal_started"] = "subgoal_started"
    decision: int
    step: int
    """Its place in the plan: 1, 2, ..."""
    subgoal: str


class Acted(_Event):
    kind: Literal["acted"] = "acted"
    control_step: int
    action: tuple[float, ...]
    """What the policy asked for, metres."""
    sent: tuple[float, ...]
    """What the robot was really sent, metres."""
    frame_index: int | None = None
    """Its frame in execution.mp4."""


class Verified(_Event):
    kind: Literal["verified"] = "verified"
    decision: int
    subgoal: str
    outcome: Outcome
    distance: float | None = None
    """Between what was imagined and what was seen, in the verifier's own measure."""
    steps_to_go: Steps = None
    diverged: int | None = None
    """The clip's first frame (1, 2, ...) that what was seen is not like."""


class Replanned(_Event):
    kind: Literal["replanned"] = "replanned"
    reason: str


class ModelUsed(_Event):
    """What a model that is not bundled was asked for in a decision."""

    kind: Literal["model_used"] = "model_used"
    decision: int
    model: str
    spent: str
    """Calls, tokens and money so far, in words; empty where nothing is counted."""
    notes: tuple[str, ...] = ()
    """Subgoals that were dropped, and failures, since the last of these events."""


class Judged(_Event):
    """An opinion of a scene on which the goal seems reached: a VLM's own, or a closer look's."""

    kind: Literal["judged"] = "judged"
    reached: bool
    why: str


class Answered(_Event):
    """What an operator said of a plan."""

    kind: Literal["answered"] = "answered"
    decision: int
    say: Literal["approve", "amend", "stop"]
    rejected: dict[str, str] = {}
    """Branches by their node ids, with the reason."""
    edited: tuple[int, str] | None = None
    """A branch, and what it says instead."""
    picked: int | None = None
    reason: str = ""


class Stopped(_Event):
    kind: Literal["stopped"] = "stopped"
    reason: str
    score: float | None = None
    complete: bool
    judged_by: Literal["camera", "simulator"] | None = None
    """Whose word `complete` is; None in runs that did not tell."""
    control_steps: int


Event = (
    RunStarted
    | Observed
    | Searched
    | Unsure
    | SubgoalStarted
    | Acted
    | Verified
    | Replanned
    | ModelUsed
    | Judged
    | Answered
    | Stopped
)
Subscriber = Callable[[Event], None]

_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


class Events:
    """Hands each event to every subscriber, in the order in which they subscribed.

    since: seconds that the run has had already, where it is gone on with.
    A subscriber that raises does not stop the others, nor the loop: its first error becomes a RuntimeWarning.
    """

    def __init__(self, since: float = 0.0) -> None:
        self._start = time.monotonic() - since
        self._subscribers: list[Subscriber] = []
        self._failed: list[Subscriber] = []

    def now(self) -> float:
        """Seconds since the run's start, for `time` of an event."""
        return time.monotonic() - self._start

    def subscribe(self, subscriber: Subscriber) -> None:
        self._subscribers.append(subscriber)

    def emit(self, event: Event) -> None:
        errors: list[str] = []
        for subscriber in self._subscribers:
            try:
                subscriber(event)
            except Exception as error:
                if subscriber not in self._failed:
                    self._failed.append(subscriber)
                    errors.append(f"{subscriber!r} failed at {event.kind!r}: {type(error).__name__}: {error}")
        # Said last: warnings may be set to raise, and every subscriber is to have had the event by then.
        for text in errors:
            warnings.warn(f"{text}; the run goes on, further errors of it are not shown", RuntimeWarning, 2)


def readable_events(lines: bytes) -> list[Event]:
    """Those lines that hold an event."""
    events: list[Event] = []
    for line in lines.splitlines():
        with suppress(ValidationError):
            events.append(_EVENT.validate_json(line))
    return events


def read_events(path: Path) -> list[Event]:
    """The events of an events.jsonl. A run that was killed may have torn its last line: that is left out.

    Raises ValueError for any other line that holds no event.
    """
    events: list[Event] = []
    lines = path.read_bytes().splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            events.append(_EVENT.validate_json(line))
        except ValidationError as error:
            if number == len(lines):
                break
            first = error.errors()[0]["msg"]
            raise ValueError(
                f"{path}, line {number}: expected an event, got {line[:60]!r} ({first}); remove the line"
            ) from error
    return events
