"""Episode log, episodes.jsonl: a line an episode, appended as each ends, so that a bench can go on."""

from __future__ import annotations

import fcntl
import json
import os
from io import BufferedRandom
from pathlib import Path
from typing import Self

from vlp.bench.line import Line, identity
from vlp.errors import FolderError


class EpisodeLog:
    """The lines of a file and those still to come. A context manager; one bench at a time has it open.

    A line that was torn, by a kill or a full disk, is cut off: its episode is run again.

    Raises FolderError for a path that can't be written, is in use, or holds another kind of file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[str, Line] = {}
        """By identity; of lines alike, the last."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise FolderError(
                f"out: expected a folder to write to, got {path.parent}: {reason}; choose another"
            ) from error
        try:
            self._lock()
            self._read(self._file)
        except BaseException:
            self._file.close()
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderError(
                f"out: expected a folder of its own, got {self.path.parent}, in which another bench runs; "
                "wait for it or choose another"
            ) from None

    def _read(self, file: BufferedRandom) -> None:
        file.seek(0)
        data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        for number, text in enumerate(whole.splitlines(), 1):
            try:
                line = json.loads(text)
                self.lines[identity(line)] = line
            except (ValueError, KeyError, TypeError) as error:
                raise FolderError(
                    f"{self.path}, line {number}: expected the result of an episode, got {text[:60]!r}; "
                    "remove the line or choose another folder"
                ) from error
        # Only once the rest is known to be results: this may be someone else's file.
        file.truncate(len(whole))

    def append(self, line: Line) -> None:
        """Add a line; it is on the disk when this returns."""
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.lines[identity(line)] = line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
