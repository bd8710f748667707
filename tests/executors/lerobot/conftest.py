"""Bridges as a person starts them, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

Begin = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Starts a bridge to the two-link arm; arguments after the address are the arm's."""
    running: list[subprocess.Popen[str]] = []

    def start(*arm: str, listen: str = "", options: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        script = tmp_path / "bridge.py"  # alone: it needs nothing that stands beside it
        script.write_text((ROOT / "executors/lerobot/bridge.py").read_text())
        command = [sys.executable, str(script), "--listen", listen or f"unix:{tmp_path}/arm.sock", *options]
        command += ["--make", "tests.executors.lerobot.two_link:make", "--", *arm]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (tmp_path / "bridge.log").open("w") as said:
            process = subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=said, text=True)
        running.append(process)
        until = time.monotonic() + 120
        while "bridge:" not in (log := (tmp_path / "bridge.log").read_text()):
            assert process.poll() is None and time.monotonic() < until, log
            time.sleep(0.05)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
