"""Small files that several processes share: a lock among them, and writing all or nothing."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path


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
    def held(self) -> Iterator[None]:
        """Waits until the lock is free and holds it.

        Raises OSError where the file can't be locked; the process's own threads have been waited for then.
        """
        if self._pid != os.getpid():
            self._forget()  # a forked child shares its parent's open file, and so its lock
        with self._thread:
            self._depth += 1
            try:
                self._take()
                yield
            finally:
                self._depth -= 1
                if self._depth == 0 and self._file >= 0:
                    fcntl.flock(self._file, fcntl.LOCK_UN)

    def _take(self) -> None:
        while True:
            if self._file < 0:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            if self._depth > 1 or self._is_in_place():
                return
            # Someone removed the file: whoever comes now locks another one.
            os.close(self._file)
            self._file = -1

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


def replace_file(path: Path, text: str) -> None:
    """Write a file so that whoever reads it, at any moment or after a crash, finds the old text or the new.

    Raises OSError; the old text is then still there, or the new one without a promise that it lasts.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with open(part, "w", encoding="utf-8") as file:
            file.write(text)
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
    file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def sweep(path: Path) -> None:
    """Remove what writers of `path` that were killed have left behind. Only under the file's lock."""
    for part in path.parent.glob(f".{path.name}.*.part"):
        with suppress(OSError):
            part.unlink()
