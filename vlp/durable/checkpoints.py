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
    """Every value with a digest in front; one that does not fit is a StateError, never a state.

    Args:
        advice: what to do then.
    """

    def __init__(self, advice: str) -> None:
        super().__init__()
        self._advice = advice

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
                f"moved: {self._advice}"
            )
        return super().loads_typed((kind, value))


Checkpoints = Callable[[], AbstractContextManager[BaseCheckpointSaver[Any]]]
"""Opens where checkpoints go."""


def in_file(path: Path) -> Checkpoints:
    """In a SQLite file, each on the disk before the next node begins. Not in LangGraph's own WAL mode: there,
    what was committed last lies in a second file, and SQLite silently goes without what of it is damaged."""

    @contextmanager
    def opened() -> Iterator[BaseCheckpointSaver[Any]]:
        with closing(sqlite3.connect(path, check_same_thread=False)) as connection, _explained(path):
            saver = SqliteSaver(connection, serde=Sealed(anew(path.name)))
            saver.setup()
            connection.execute("PRAGMA journal_mode=PERSIST")
            connection.execute("PRAGMA synchronous=FULL")
            (said,) = connection.execute("PRAGMA integrity_check").fetchone()
            if said != "ok":
                raise sqlite3.DatabaseError(str(said).splitlines()[0])
            yield saver

    return opened


def anew(name: str) -> str:
    """What to do where the checkpoints in a file of this name are damaged."""
    return f"move {name} away, then vlp resume the run: its journal has every step that was sent"


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """SQLite's errors in our words."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StateError(
            f"state: expected to read and write {path}, got: {error}; nothing was sent since: free some "
            "space or mend the folder, then vlp resume the run"
        ) from error
    except sqlite3.Error as error:
        raise StateError(
            f"state: expected {path} as it was written, got a damaged file ({error}); nothing was changed or "
            f"moved: {anew(path.name)}"
        ) from error


@contextmanager
def in_memory() -> Iterator[BaseCheckpointSaver[Any]]:
    """Until the process ends."""
    yield InMemorySaver()


def _seal(kind: str, data: bytes) -> bytes:
    return hashlib.sha256(kind.encode() + b"\0" + data).digest()
