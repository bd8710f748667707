"""The runs of a folder, and what of them may be shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fastapi import HTTPException

from executors.stop import StopLatch
from vlp.driving import is_free
from vlp.durable.names import FILE, ROBOT
from vlp.events import RunStarted, read_events
from vlp.runfolder import is_name

SHOWN: Final = 40
"""Runs, the newest first."""


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


def find(root: Path, name: str) -> Path | None:
    """The run of this name, None where there is none. A name never leads out of the root."""
    if not is_name(name):
        return None
    path = (root / name).resolve()
    return path if path.parent == root.resolve() and (path / "events.jsonl").is_file() else None


def run_of(root: Path, name: str) -> Path:
    """`find`. Raises HTTPException 404."""
    if (path := find(root, name)) is None:
        raise HTTPException(404, "expected a run of this folder")
    return path


def entries(root: Path) -> list[Entry]:
    """The newest runs."""
    if not root.is_dir():
        return []
    found = [path for item in root.iterdir() if (path := find(root, item.name)) is not None]
    found.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return [entry(path) for path in found[:SHOWN]]


def entry(path: Path) -> Entry:
    """A run, as its folder tells it; what can't be read counts as not there."""
    said = _result(path)
    status = str(said.get("status", "unfinished"))
    robot = path / ROBOT
    return Entry(
        name=path.name,
        instruction=str(said.get("instruction") or _asked(path)),
        status="complete" if said.get("complete") else status,
        reason=str(said.get("reason", "")),
        score=said.get("score"),
        control_steps=said.get("control_steps"),
        stopped=StopLatch(robot).stopped if robot.is_dir() else None,
        driven=status == "unfinished" and robot.is_dir() and not is_free(robot),
        resumable=(path / FILE).is_file() and status != "finished",
        report=(path / "report.html").is_file(),
        film=(path / "execution.mp4").is_file(),
    )


def _result(path: Path) -> dict[str, Any]:
    try:
        said = json.loads((path / "result.json").read_text(encoding="utf-8"))
        return said if isinstance(said, dict) else {}
    except (OSError, ValueError):
        return {}


def _asked(path: Path) -> str:
    try:
        first = next(iter(read_events(path / "events.jsonl")), None)
    except (OSError, ValueError):
        return ""
    return first.instruction if isinstance(first, RunStarted) else ""
