"""LangGraph's checkpoints, sealed, in a SQLite database beside the run's store.

Should the last of them be lost, the run goes on from the one before: the journal has what was sent since.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Final

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from vlp.errors import StateError

_SEAL: Final = hashlib.sha256().digest_size


class Sealed(JsonPlusSerializer):
    """Every value with a digest in front; one that does not fit is a StateError, never a state."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Type and bytes, the digest first."""
        kind, data = super().dumps_typed(obj)
        return kind, _seal(kind, data) + data

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """What was dumped. Raises StateError."""
        kind, sealed = data
        seal, value = sealed[:_SEAL], sealed[_SEAL:]
        if seal != _seal(kind, value):
            raise StateError(
                "state: expected a checkpoint as it was written, got a damaged one; nothing was changed or "
                "moved: bring it back from a copy, or start the run again"
            )
        return super().loads_typed((kind, value))


Checkpoints = Callable[[], AbstractContextManager[BaseCheckpointSaver[Any]]]
"""Opens where checkpoints go."""


def in_file(path: Path) -> Checkpoints:
    """In a SQLite file, each on the disk before the next node begins."""

    @contextmanager
    def opened() -> Iterator[BaseCheckpointSaver[Any]]:
        with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
            try:
                connection.execute("PRAGMA synchronous=FULL")
                yield SqliteSaver(connection, serde=Sealed())
            except sqlite3.Error as error:
                raise StateError(
                    f"state: expected to read and write {path}, got: {error}; mend it, or bring it back from "
                    "a copy, then vlp resume the run"
                ) from error

    return opened


@contextmanager
def in_memory() -> Iterator[BaseCheckpointSaver[Any]]:
    """Until the process ends."""
    yield InMemorySaver()


def _seal(kind: str, data: bytes) -> bytes:
    return hashlib.sha256(kind.encode() + b"\0" + data).digest()
