"""Captions of a run's film, as WebVTT, from the run's events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from vlp.events.types import (
    Acted,
    Answered,
    Event,
    Judged,
    Replanned,
    Searched,
    Stopped,
    SubgoalStarted,
    Verified,
)
from vlp.events.words import line, plain

STEP: Final = 0.1
"""Seconds of film that a control step takes."""
LAST: Final = 2.0
"""Seconds for which the last caption would like to stand."""


@dataclass
class Caption:
    """Words that stand from one second of the film to another."""

    start: float
    end: float = 0.0
    words: list[str] = field(default_factory=list)


def captions(events: Sequence[Event]) -> list[Caption]:
    """In their order; none before the robot moves."""
    found: list[Caption] = []
    now, said = 0.0, ""
    notes: list[str] = []
    for event in events:
        match event:
            case Acted():
                now = (event.control_step if event.frame_index is None else event.frame_index + 1) * STEP
            case Replanned():
                notes.append(f"planned anew: {event.reason}")
            case Judged() | Answered():
                notes.append(line(event) or "")
            case Searched():
                said = "" if event.root_steps_to_go is None else f", {event.root_steps_to_go:.0f} steps to go"
            case SubgoalStarted():
                title = f"decision {event.decision}, step {event.step}: {event.subgoal}{said}"
                found.append(Caption(now, words=[title, *notes]))
                notes, said = [], ""
            case Verified():
                said = "" if event.steps_to_go is None else f", {event.steps_to_go:.0f} steps to go"
            case Stopped():
                start = found[-1].start if found else 0.0
                begins = max(now - LAST / 2, (now + start) / 2)  # what came last stays in sight, too
                found.append(Caption(begins, now + LAST, [line(event) or "", *notes]))
    for one, after in pairwise(found):
        one.end = after.start
    if found and not found[-1].end:
        found[-1].end = now + LAST
    return [one for one in found if one.end > one.start]


def webvtt(events: Sequence[Event]) -> str:
    """The captions as a WebVTT file; what somebody wrote stays words, and one line."""
    return "\n".join(["WEBVTT", "", *_cues(captions(events))])


def _cues(shown: Sequence[Caption]) -> Iterator[str]:
    for one in shown:
        yield f"{_stamp(one.start)} --> {_stamp(one.end)}"
        yield from (_escaped(words) for words in one.words)
        yield ""


def _escaped(words: str) -> str:
    text = " ".join(plain(words).split())
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _stamp(seconds: float) -> str:
    minutes, rest = divmod(round(1000 * seconds), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
