"""Story of a run beside its pictures: why it planned anew, where its time went, its film."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vlp.events.types import Event, Replanned, Searched, Verified
from vlp.record.captions import Caption, captions, webvtt

FILM: Final = "film.mp4"
EXECUTION: Final = "execution.mp4"
LARGEST: Final = 24_000_000
"""Bytes of a film that is put into the page; a larger one is only linked."""
INSIDE: Final[Mapping[str, tuple[str, ...]]] = {
    "search": ("propose", "video", "value", "guards", "goal"),
    "acting": ("policy", "probe"),
}
"""Parts whose seconds are among those of another part."""


@dataclass(frozen=True, kw_only=True)
class Reasons:
    """Why plans were given up, by the numbers of decisions."""

    before: Mapping[int, Sequence[str]]
    """What led to a decision."""
    acted: Mapping[int, Sequence[str]]
    """Of each step of its plan that was acted, in order; empty where there was none."""


def reasons(events: Sequence[Event]) -> Reasons:
    """Of a run's events."""
    before: dict[int, list[str]] = {}
    acted: dict[int, list[str]] = defaultdict(list)
    waiting: list[str] = []
    last: int | None = None
    for event in events:
        match event:
            case Searched():
                before[event.decision], waiting, last = waiting, [], None
            case Verified():
                acted[event.decision].append("")
                last = event.decision
            case Replanned():
                waiting.append(event.reason)
                if last is not None:
                    acted[last][-1], last = event.reason, None
    return Reasons(before=before, acted=acted)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Seconds of a part of the run."""

    name: str
    seconds: float
    share: float
    """0..1, of the whole run."""
    inner: bool = False
    """Whether they are among those of the part above."""


def parts(result: Mapping[str, Any]) -> list[Part]:
    """Where the time went: parts that add up to the run's seconds, each followed by what it is made of."""
    known = {name: float(seconds) for name, seconds in (result.get("seconds_by_part") or {}).items()}
    inside = {name for outer, names in INSIDE.items() if outer in known for name in names}
    outer = {name: seconds for name, seconds in known.items() if name not in inside}
    if not known:
        return []
    whole = max(float(result.get("seconds") or 0.0), sum(outer.values()), 1e-9)
    found: list[Part] = []
    for name, seconds in outer.items():
        found.append(Part(name=name, seconds=seconds, share=seconds / whole))
        within = {key: known[key] for key in INSIDE.get(name, ()) if key in known}
        found += [
            Part(name=key, seconds=value, share=value / whole, inner=True) for key, value in within.items()
        ]
    rest = max(0.0, whole - sum(outer.values()))
    return [*found, Part(name="all else", seconds=rest, share=rest / whole)]


@dataclass(frozen=True, kw_only=True)
class Player:
    """The run's film for a page."""

    film: str
    """A data: URI, or the file's name where it is too large for that."""
    track: str
    """Its captions, a data: URI."""
    captions: Sequence[Caption]


def player(run: Path, events: Sequence[Event]) -> Player | None:
    """The film of a run folder; None where the robot did not move."""
    file = run / FILM
    if not file.is_file() or not file.stat().st_size:
        return None
    film = _uri("video/mp4", file.read_bytes()) if file.stat().st_size <= LARGEST else FILM
    return Player(
        film=film, track=_uri("text/vtt", webvtt(events).encode("utf-8")), captions=captions(events)
    )


def links(run: Path) -> list[str]:
    """The films of a run folder, larger one first."""
    return [name for name in (FILM, EXECUTION) if (run / name).is_file() and (run / name).stat().st_size]


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
