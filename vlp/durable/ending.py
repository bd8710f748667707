"""Whether a run can be gone on with."""

from __future__ import annotations

import json
from pathlib import Path

from vlp.errors import StateError


def check_not_over(folder: Path) -> None:
    """Raises StateError where the run of a folder has come to its end."""
    result = folder / "result.json"
    if result.is_file():
        said = json.loads(result.read_text(encoding="utf-8"))
        if said.get("status") == "finished":
            raise StateError(f"state: expected a run that is not over, got one that ended: {said['reason']}")
