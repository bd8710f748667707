"""What tests share: the command line as a process, and small weights folders."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests import films
from tests.forked import Forks, fork_server
from tests.scheduling import ordinary_scheduling
from vlp.cli.main import main
from vlp.models.weights import PARTS, write_manifest

ROOT = Path(__file__).parent.parent

Vlp = Callable[..., "subprocess.CompletedProcess[str]"]


for _number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    # Whoever starts the tests in the background may have these ignored, and so would all their processes.
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)

MEMORY = Path("/dev/shm")
TEMPORARY = "PYTEST_DEBUG_TEMPROOT"
if TEMPORARY not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 8 * 2**30:
    # Folders of tests lie in memory where there is room: each step of an agent waits until it is on the disk,
    # and all processes of a run wait for the same one. They are gone with the run; to look at one, say where
    # they are to lie.
    os.environ[TEMPORARY] = tempfile.mkdtemp(prefix="vlp-tests-", dir=MEMORY)
    atexit.register(shutil.rmtree, os.environ[TEMPORARY], ignore_errors=True)

# What is imported while tests are collected stays to the end: a quarter of that time went into looking for
# garbage in it, and each look in the tests themselves would go through all of it again.
gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage from now on, in what tests make alone."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def scheduled_as_before() -> Iterator[None]:
    """No test leaves this process, and so all that is started from it, with another scheduling policy."""
    read = getattr(os, "sched_getscheduler", lambda _: 0)
    before = read(0)
    with ordinary_scheduling():
        yield
        after = read(0)
    assert after == before, f"expected scheduling policy {before} after the test as before it, got {after}"


@pytest.fixture(scope="session", autouse=True)
def small_films() -> None:
    """See tests/films.py."""
    films.set_size(films.SMALL)


@pytest.fixture
def environment() -> dict[str, str]:
    """Environment variables with which a process finds this checkout from any folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"}


FORKS = "VLP_TEST_FORKS"
"""Names the socket of the one fork server of all of pytest-xdist's processes."""


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session: pytest.Session) -> Iterator[None]:
    """Whoever starts pytest-xdist's processes has a fork server for all of them."""
    if session.config.getoption("numprocesses", None) and "PYTEST_XDIST_WORKER" not in os.environ:
        begun = contextlib.ExitStack()
        os.environ[FORKS] = begun.enter_context(fork_server())
        session.config.add_cleanup(begun.close)
    yield


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Begins processes of `vlp`, without the seconds that it takes to import libraries."""
    with contextlib.ExitStack() as begun:
        path = os.environ.get(FORKS) or begun.enter_context(fork_server())
        forks = Forks(path)
        # Until they are imported, so that no test's own time goes into it.
        forks.run(folder=tmp_path_factory.getbasetemp(), environment=os.environ, code="pass")
        yield forks


@pytest.fixture
def vlp(tmp_path: Path, environment: dict[str, str], forks: Forks) -> Vlp:
    """Runs `vlp` with arguments (text or bytes) in an empty folder, as a process of its own."""

    def run(*arguments: str | bytes, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        return forks.run(*arguments, folder=tmp_path, environment=environment, timeout=timeout)

    return run


@pytest.fixture
def vlp_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Vlp:
    """As `vlp`, but in this process: for what is refused, which is over before another one has begun."""

    def run(*arguments: str | bytes, timeout: float = 0) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(tmp_path)
        capsys.readouterr()
        code = main([os.fsdecode(word) for word in arguments])
        return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())

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
