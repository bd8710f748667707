"""Folders that runs are written to."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vlp.errors import FolderError

if TYPE_CHECKING:
    from vlp.record.folder import RunFolder

RUNS: Final = Path("runs")
_SLUG: Final = 40
"""Most characters of the instruction in a folder's name."""


def open_folder(out: Path | None, instruction: str, seed: int, root: Path = RUNS) -> RunFolder:
    """The folder asked for, or a new one root/<time>-<slug>-<seed>; raises FolderError where it cannot be
    used."""
    from vlp.record.folder import RunFolder, RunFolderError

    path = (root / run_name(instruction, seed) if out is None else out).absolute()
    try:
        return (RunFolder.new if out is None else RunFolder.create)(path.parent, path.name)
    except RunFolderError as error:
        raise FolderError(str(error)) from error
    except ValueError as error:
        raise FolderError(f"out: expected a path, got {str(path)!r}: {error}; choose another") from error


def run_name(instruction: str, seed: int) -> str:
    """Of a new folder."""
    slug = re.sub(r"[^a-z0-9]+", "-", instruction.lower())[:_SLUG].strip("-")
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{slug or 'run'}-{seed}"
