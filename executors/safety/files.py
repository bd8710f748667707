"""Small files that several processes share: a lock among them, and writing all or nothing.

Nobody waits for a lock without end: who holds it may hang in a driver.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Final

WAIT: Final = 10.0
"""Seconds that a lock is waited for: a hundred control steps."""
_PAUSES: Final = (0.001, 0.02)
"""Seconds between two looks at a lock that another process holds: the first pause, and the longest."""


class Busy(TimeoutError):
    """A lock that was not let go of in time."""


class FileLock:
    """One lock among all threads and processes that lock the same file. Get it from `file_lock`.

    The thread that holds it may take it again: a signal's handler may come at any moment.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._forget()

    def _forget(self) -> None:
        self._pid, self._thread = os.getpid(), threading.RLock()
        self._depth, self._file = 0, -1

    @contextmanager
    def held(self, wait: float | None = None) -> Iterator[None]:
        """Waits until the lock is free, `wait` seconds (else WAIT) at most, and holds it.

        Raises Busy where it is not let go of in that time; any other OSError where the file can't be locked,
        the process's own threads have been waited for then.
        """
        if self._pid != os.getpid():
            self._forget()  # a forked child shares its parent's open file, and so its lock
        wait = WAIT if wait is None else wait
        end = time.monotonic() + wait
        if not self._thread.acquire(timeout=wait):
            raise Busy(f"another thread of this process has held it for {wait:g} s")
        try:
            self._depth += 1
            try:
                self._take(end, wait)
                yield
            finally:
                self._depth -= 1
                if self._depth == 0 and self._file >= 0:
                    fcntl.flock(self._file, fcntl.LOCK_UN)
        finally:
            self._thread.release()

    def _take(self, end: float, wait: float) -> None:
        pause, longest = _PAUSES
        while True:
            if self._file < 0:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # flock itself knows no time-out
            except BlockingIOError:
                if (left := end - time.monotonic()) <= 0:
                    raise Busy(f"{self._holder()} has held it for {wait:g} s") from None
                time.sleep(min(pause, left))
                pause = min(2 * pause, longest)
                continue
            if self._depth > 1:
                return
            if self._is_in_place():
                self._sign()
                return
            # Someone removed the file: whoever comes now locks another one.
            os.close(self._file)
            self._file = -1

    def _sign(self) -> None:
        """Leave our number in the file, for whoever waits in vain. It fits where one stood before: a full
        disk may keep it out, and nothing else."""
        with suppress(OSError):
            os.pwrite(self._file, f"{self._pid:<19d}\n".encode(), 0)

    def _holder(self) -> str:
        said = os.pread(self._file, 20, 0).decode("ascii", "replace").strip()
        return f"process {said}" if said.isdecimal() else "another process"

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file), os.stat(self._path))
        except FileNotFoundError:
            return False


@cache
def _lock(path: Path) -> FileLock:
    return FileLock(path)


def file_lock(path: Path) -> FileLock:
    """This process's lock on a file: the same object for the same file, or a thread would wait for itself."""
    return _lock(path.resolve())


def replace_file(path: Path, content: str | bytes) -> None:
    """Write a file so that whoever reads it, at any moment or after a crash, finds the old content or the
    new.

    Raises OSError; the old content is then still there, or the new one without a promise that it lasts.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with open(part, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last through a power cut."""
    sync(folder)


def sync(path: Path) -> None:
    """Make what a file, or a folder's list of names, says now last through a power cut. Raises OSError."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def sweep(path: Path) -> None:
    """Remove what writers of `path` that were killed have left behind. Only under the file's lock."""
    for part in path.parent.glob(f".{path.name}.*.part"):
        with suppress(OSError):
            part.unlink()
