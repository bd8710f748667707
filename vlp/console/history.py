"""History: the runs of a folder, and what of them may be shown."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fastapi import HTTPException

from executors.safety.stop import StopLatch
from vlp.durable.names import FILE, ROBOT
from vlp.events.types import RunStarted
from vlp.events.words import plain
from vlp.record.folder import is_name
from vlp.session.drive import is_free

SHOWN: Final = 40
"""Runs, the newest first."""
MOST_BYTES: Final = 2**20
"""Of a result.json, or of an event, that is read; a run writes some 10 kB."""
MOST_WORDS: Final = 500
"""Characters of an instruction or a reason that are shown."""
LATCH: Final = ".console"
"""Folder of the console's stop, beside the runs."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A run."""

    name: str
    instruction: str
    status: str
    reason: str
    score: float | None
    control_steps: int | None
    stopped: str | None
    """Why its robot is stopped."""
    driven: bool
    """Whether a program drives its robot now."""
    resumable: bool
    report: bool
    film: bool


def latch_of(root: Path) -> StopLatch:
    """The stop of the robot that the console of this folder moves: while it is latched, no run begins or goes
    on there, whatever process serves it. Each run's own robot has one besides."""
    return StopLatch(root / LATCH)


def find(root: Path, name: str) -> Path | None:
    """The run of this name, None where there is none. A name never leads out of the root."""
    if not is_name(name):
        return None
    try:
        path = (root / name).resolve()
        return path if path.parent == root.resolve() and (path / "events.jsonl").is_file() else None
    except (OSError, RuntimeError):  # a loop of links, or what may not be read
        return None


def run_of(root: Path, name: str) -> Path:
    """`find`. Raises HTTPException 404."""
    if (path := find(root, name)) is None:
        raise HTTPException(404, "expected a run of this folder")
    return path


def entries(root: Path) -> list[Entry]:
    """The newest runs."""
    found: list[tuple[int, Path]] = []
    with suppress(OSError):
        for item in root.iterdir():
            with suppress(OSError):  # gone meanwhile
                if (path := find(root, item.name)) is not None:
                    found.append((path.stat().st_mtime_ns, path))
    found.sort(reverse=True)
    return [_entry_of_any(path) for _, path in found[:SHOWN]]


def _entry_of_any(path: Path) -> Entry:
    """A run, whatever its folder holds: one that is damaged hides no other, and can still be stopped."""
    try:
        return entry(path)
    except Exception as error:
        return Entry(
            name=path.name, instruction="", status="damaged", reason=f"can't be read: {type(error).__name__}",
            score=None, control_steps=None, stopped=None, driven=(path / ROBOT).is_dir(), resumable=False,
            report=False, film=False,
        )  # fmt: skip


def entry(path: Path) -> Entry:
    """A run, as its folder tells it; what can't be read counts as not there."""
    said = result_of(path)
    status = _words(said.get("status")) or "unfinished"
    robot = path / ROBOT
    return Entry(
        name=path.name,
        instruction=_words(said.get("instruction")) or _asked(path),
        status="complete" if said.get("complete") is True else status,
        reason=_words(said.get("reason")),
        score=_score(said.get("score")),
        control_steps=_count(said.get("control_steps")),
        stopped=StopLatch(robot).stopped if robot.is_dir() else None,
        driven=status == "unfinished" and robot.is_dir() and not is_free(robot),
        resumable=(path / FILE).is_file() and status != "finished",
        report=(path / "report.html").is_file(),
        film=(path / "execution.mp4").is_file(),
    )


def result_of(path: Path) -> dict[str, Any]:
    """What result.json says, of whatever types; of one that can't be read, only that."""
    result = path / "result.json"
    try:
        if not result.is_file():
            return {}
        with result.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
        said = json.loads(text) if len(text) <= MOST_BYTES else None
    except (OSError, ValueError, RecursionError):
        said = None
    return said if isinstance(said, dict) else {"reason": "result.json can't be read"}


def _words(value: object) -> str:
    """Text for the page: printable, not too much of it; empty for anything else."""
    return plain(value[:MOST_WORDS]) if isinstance(value, str) else ""


def _score(value: object) -> float | None:
    """A number that is one, else None."""
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _count(value: object) -> int | None:
    """A count that a run can have, else None."""
    return value if type(value) is int and 0 <= value < 10**9 else None


def _asked(path: Path) -> str:
    """The instruction, of the first event."""
    try:
        with (path / "events.jsonl").open("rb") as file:
            return _words(RunStarted.model_validate_json(file.readline(MOST_BYTES)).instruction)
    except (OSError, ValueError):
        return ""
