"""Processes of `vlp` that start at once, since they are split off from one that has loaded the libraries."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.fork_client import ask, ended
from vlp.process import ALLOCATOR

ROOT: Final = Path(__file__).parent.parent


def read_all(number: int) -> str:
    """What is in a file, which is closed."""
    with open(number, encoding="utf-8") as file:
        file.seek(0)
        return file.read()


class Process:
    """A process of `vlp`, with what `subprocess.Popen` has of it; its stdout and stderr are kept in files."""

    def __init__(
        self,
        path: str,
        arguments: Sequence[str | bytes],
        folder: Path,
        environment: Mapping[str, str],
        answers: str,
        code: str,
    ) -> None:
        self._out, self._err = (os.memfd_create("vlp") for _ in range(2))
        stdin, answering = os.pipe()
        words = [os.fsdecode(word) for word in arguments]
        streams = (stdin, self._out, self._err)
        self._told, self.pid = ask(path, words, str(folder), environment, streams, code)
        os.close(stdin)
        with contextlib.suppress(BrokenPipeError), open(answering, "wb") as file:
            file.write(answers.encode())
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        """Nothing happens where it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def poll(self) -> int | None:
        """Its exit code, minus the signal that ended it, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises subprocess.TimeoutExpired after so many seconds."""
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("vlp", timeout or 0)
            self.returncode = ended(self._told)
            self._said = read_all(self._out), read_all(self._err)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it wrote to stdout and to stderr, once it has ended."""
        self.wait(timeout)
        return self._said

    def first_line(self) -> str:
        """Of stdout, once it is there, or what there is of it when the process has ended."""
        while self.poll() is None:
            line, end, _ = os.pread(self._out, 1 << 16, 0).partition(b"\n")
            if end:
                return line.decode()
            time.sleep(0.01)
        return self._said[0].partition("\n")[0]


class Forks:
    """Begins processes of `vlp`; the first one waits until libraries are loaded.

    Args:
        path: the socket of a fork server.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.command = [sys.executable, "-S", "-E", str(ROOT / "tests" / "fork_client.py"), path]
        """Stands for `vlp` where another program starts it."""

    def begin(
        self,
        *arguments: str | bytes,
        folder: Path,
        environment: Mapping[str, str],
        answers: str = "",
        code: str = "",
    ) -> Process:
        """Start `vlp` in a folder; `answers` is all that its stdin has. `code` is run in its place."""
        return Process(self._path, arguments, folder, environment, answers, code)

    def run(
        self,
        *arguments: str | bytes,
        folder: Path,
        environment: Mapping[str, str],
        answers: str = "",
        code: str = "",
        timeout: float = 240,
    ) -> subprocess.CompletedProcess[str]:
        """`vlp` to its end. Raises subprocess.TimeoutExpired after so many seconds."""
        process = self.begin(*arguments, folder=folder, environment=environment, answers=answers, code=code)
        try:
            out, err = process.communicate(timeout)
        finally:
            process.kill()
        assert process.returncode is not None
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


@contextlib.contextmanager
def fork_server() -> Iterator[str]:
    """Start the process that others are split off from; it ends with the block. Yields its socket."""
    environment = {**ALLOCATOR, **os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "socket")
        with subprocess.Popen(
            [sys.executable, "-m", "tests.fork_server", path],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        ) as server:  # fmt: skip
            assert server.stdin is not None and server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield path
            server.stdin.close()
