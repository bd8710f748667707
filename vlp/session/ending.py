"""Ending of a run: whether it can be gone on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from vlp.errors import StateError

REPORT: Final = "report.html"


def check_not_over(folder: Path) -> None:
    """Raises StateError where the run of a folder has come to its end; a report that is missing there is
    written first."""
    said = _result(folder / "result.json")
    if said.get("status") != "finished":
        return
    written = "" if (folder / REPORT).is_file() else _reported(folder)
    raise StateError(
        f"state: expected a run that is not over, got one that ended: {said.get('reason')}{written}"
    )


def _result(path: Path) -> dict[str, Any]:
    """What a run has left. One that can't be read is none: it is written anew."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _reported(folder: Path) -> str:
    from vlp.record.report.page import write_report  # heavy, and seldom needed

    try:
        write_report(folder)
    except (OSError, ValueError) as error:
        return f"; it has no report, and none can be written: {error}"
    return f"; its report was missing and is written now: {folder / REPORT}"
