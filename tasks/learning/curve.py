"""A training's curve as lines of JSON, which a run that goes on adds to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tasks.learning.trainer import TrainingMoment


class Curve:
    """Appends to a file; a line that was torn by a kill is cut off first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            data = path.read_bytes()
            whole = data[: data.rfind(b"\n") + 1]
            if whole != data:
                path.write_bytes(whole)

    def add(self, moment: TrainingMoment) -> None:
        """One line more."""
        line = {
            "step": moment.step,
            "samples": moment.samples,
            "seconds": round(moment.used, 1),
            "samples_a_second": round(moment.samples_a_second, 2),
            **{name: round(value, 5) for name, value in moment.means.items()},
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def rows(self) -> list[dict[str, Any]]:
        """All lines, those of earlier runs too."""
        if not self._path.is_file():
            return []
        return [json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines()]
