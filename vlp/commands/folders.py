"""Where a run is written, decided and looked at before models are loaded."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Final

from vlp.errors import FolderError

RUNS: Final = Path("runs")
_SLUG: Final = 40


def choose(out: Path | None, instruction: str, seed: int) -> Path:
    """The folder asked for, or runs/<time>-<slug>-<seed>; raises FolderError where it cannot be used."""
    path = Path(os.path.abspath(out)) if out is not None else _new(instruction, seed)
    check_writable(path)
    return path


def check_writable(path: Path) -> None:
    """Raises FolderError for a folder that is in use, or that cannot be made. Nothing is created."""
    try:
        if path.is_dir() and any(path.iterdir()):
            raise FolderError(
                f"out: expected a new or empty folder, got {path} with files in it; choose another or move it away"
            )
        parent = next(folder for folder in (path, *path.parents) if os.path.lexists(folder))
    except (OSError, ValueError) as error:
        raise FolderError(f"out: expected a folder to write to, got {str(path)!r}: {error}; choose another") from None
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        what = "may not be written" if parent.is_dir() else "is no folder"
        raise FolderError(f"out: expected a folder to write to, got {path}: {parent} {what}; choose another")


def _new(instruction: str, seed: int) -> Path:
    slug = re.sub(r"[^a-z0-9]+", "-", instruction.lower())[:_SLUG].strip("-")
    first = RUNS / f"{time.strftime('%Y%m%d-%H%M%S')}-{slug or 'run'}-{seed}"
    path, number = first, 2
    while path.exists():
        path, number = first.with_name(f"{first.name}-{number}"), number + 1
    return path.absolute()
