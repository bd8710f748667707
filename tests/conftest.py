"""What tests share: the command line as a process, and small weights folders."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.forked import Forks, fork_server
from vlp.models.weights import PARTS, write_manifest

ROOT = Path(__file__).parent.parent

Vlp = Callable[..., "subprocess.CompletedProcess[str]"]


for _number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    # Whoever starts the tests in the background may have these ignored, and so would all their processes.
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)

MEMORY = Path("/dev/shm")
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 8 * 2**30:
    # Folders of tests lie in memory where there is room: every step of an agent waits until it is on the disk,
    # and all processes of a run wait for the same one.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# What is imported while tests are collected stays to the end: a quarter of that time went into looking for
# garbage in it, and each look in the tests themselves would go through all of it again.
gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage from now on, in what tests make alone."""
    gc.freeze()
    gc.enable()


@pytest.fixture
def environment() -> dict[str, str]:
    """Environment variables with which a process finds this checkout from any folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"}


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Begins processes of `vlp`, without the seconds that it takes to import libraries."""
    with fork_server() as begun:
        yield begun


@pytest.fixture
def vlp(tmp_path: Path, environment: dict[str, str], forks: Forks) -> Vlp:
    """Runs `vlp` with arguments (text or bytes) in an empty folder, as a process of its own."""

    def run(*arguments: str | bytes, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        return forks.run(*arguments, folder=tmp_path, environment=environment, timeout=timeout)

    return run


@pytest.fixture
def fresh_vlp(tmp_path: Path, environment: dict[str, str]) -> Vlp:
    """`vlp` as its user starts it: Python, libraries and all."""

    def run(*arguments: str | bytes, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        command: Sequence[str | bytes] = [sys.executable, "-m", "vlp", *arguments]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A whole weights folder in small, with its manifest; good to verify, not to plan with."""
    folder = tmp_path / "weights"
    for number, part in enumerate(PARTS):
        (folder / part).mkdir(parents=True)
        (folder / part / "config.json").write_text("{}")
        save_file({"weight": np.full(1000, number, np.float32)}, folder / part / "model.safetensors")
    write_manifest(folder)
    return folder
