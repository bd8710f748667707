"""Folders that are made once in a whole run of the tests, for all of its processes."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder of this name, filled by whichever process asks first; the others wait for it.

    Nobody may change what is in it: a test that does takes a copy.
    """
    base = factory.getbasetemp()
    # pytest-xdist gives each of its processes a folder of its own inside the run's.
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, made = root / "once" / name, root / "once" / f"{name}.made"
    folder.parent.mkdir(exist_ok=True)
    with folder.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a process that did not come to its end
            folder.mkdir()
            make(folder)
            made.touch()
    return folder
