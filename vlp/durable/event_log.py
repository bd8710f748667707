"""The events of a run, a line each, and what a checkpoint knows of them: how long they were, and their
digest."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from vlp.errors import StateError
from vlp.events.types import Acted, Event, readable_events

NAME: Final = "events.jsonl"
"""In a run's folder."""


class EventLog:
    """Appends to events.jsonl, or begins it. Every event stands there at once, and lasts from `mark` on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab", buffering=0)
        self._begin_at(path.read_bytes())
        self._lost: OSError | None = None

    def _begin_at(self, held: bytes) -> None:
        self.position = len(held)
        """Bytes so far."""
        self._digest = hashlib.sha256(held)

    def write(self, event: Event) -> None:
        """Append an event. Raises OSError; then nothing of it stands there, and `mark` will say so."""
        line = (event.model_dump_json() + "\n").encode()
        try:
            if self._file.write(line) != len(line):
                raise OSError(f"expected room for an event in {self._path}, got none; free some space")
        except OSError as error:
            self._lost = error
            self._file.truncate(self.position)
            raise
        self.position += len(line)
        self._digest.update(line)

    def mark(self) -> tuple[int, str]:
        """Let what stands there last through a power cut: bytes, and their digest. Raises StateError where an
        event is not there."""
        try:
            if self._lost is not None:
                raise self._lost
            os.fsync(self._file.fileno())
        except OSError as error:
            raise StateError(
                f"state: expected to write {self._path}, got: {error}; nothing was sent since, what was "
                "written before is kept: free some space or mend the folder, then vlp resume it"
            ) from error
        return self.position, self._digest.hexdigest()

    def cut(self, position: int, digest: str) -> None:
        """Go on after so many bytes of this digest: what came later happens again. Raises StateError where
        they are not there."""
        held = checked(self._path, position, digest)
        self._file.truncate(position)
        self._begin_at(held)

    def close(self) -> None:
        """Close the file. What was written lasts."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()


def checked(path: Path, position: int, digest: str) -> bytes:
    """The first bytes of a log, as a checkpoint knows them. Raises StateError where they are others, or
    fewer."""
    try:
        held = path.read_bytes()
    except OSError as error:
        raise StateError(
            f"state: expected to read {path}, got: {error}; bring it back from a copy"
        ) from error
    said = f"{len(held)} bytes" if len(held) < position else "others"
    if len(held) < position or (position and hashlib.sha256(held[:position]).hexdigest() != digest):
        raise StateError(
            f"state: expected the first {position} bytes of {path} as they were written, got {said}; nothing "
            "was changed or moved: bring it back from a copy, or start the run again"
        )
    return held[:position]


def told(path: Path) -> tuple[int, float]:
    """Of all events that can be read, also where others were torn: the last control step that was sent, and
    the seconds that the run has had."""
    events = readable_events(path.read_bytes())
    steps = [event.control_step for event in events if isinstance(event, Acted)]
    return max(steps, default=0), max((event.time for event in events), default=0.0)
