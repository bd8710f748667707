"""Where a run is written."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vlp.errors import FolderError

if TYPE_CHECKING:
    from vlp.runfolder import RunFolder

RUNS: Final = Path("runs")
_SLUG: Final = 40
"""Most characters of the instruction in a folder's name."""


def open_folder(out: Path | None, instruction: str, seed: int) -> RunFolder:
    """The folder asked for, or runs/<time>-<slug>-<seed>; raises FolderError where it cannot be used."""
    from vlp.runfolder import RunFolder, RunFolderError

    path = (named(RUNS, instruction, seed) if out is None else out).absolute()
    try:
        return RunFolder.create(path.parent, path.name)
    except RunFolderError as error:
        raise FolderError(str(error)) from error
    except ValueError as error:
        raise FolderError(f"out: expected a path, got {str(path)!r}: {error}; choose another") from error


def named(root: Path, instruction: str, seed: int) -> Path:
    """A folder of `root` that is not there yet, for a run with this instruction and seed."""
    slug = re.sub(r"[^a-z0-9]+", "-", instruction.lower())[:_SLUG].strip("-")
    first = root / f"{time.strftime('%Y%m%d-%H%M%S')}-{slug or 'run'}-{seed}"
    path, number = first, 2
    while path.exists():
        path, number = first.with_name(f"{first.name}-{number}"), number + 1
    return path
