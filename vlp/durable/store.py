"""Sealed store of keys and values: what is written is there after a crash, and damage is noticed.

One SQLite database with synchronous=FULL: `put` returns when all its rows are on the disk, and a process that
is killed leaves all of them or none. Every row carries a digest of its key and value: SQLite itself does not
notice a bit that flips inside a value. Not in WAL mode: there, what was committed last lies in a second file,
and SQLite silently goes without whatever of it is damaged.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from vlp.errors import StateError

FORMAT: Final = "2"
MEMORY: Final = ":memory:"
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value BLOB NOT NULL, digest BLOB NOT NULL)"
)


class Store:
    """Opens a store, or begins one. A context manager.

    Args:
        path: of its file; None keeps it in memory, for what need not outlive the process.
        fresh: whether a file is to be begun rather than gone on with.

    Raises StateError for a file that is damaged, missing, of another format, or that can't be written.
    """

    def __init__(self, path: Path | None = None, *, fresh: bool = True) -> None:
        self.path = path
        if path is not None and path.exists() == fresh:
            raise StateError(
                f"state: expected {'no file' if fresh else 'a file'} at {path}, got "
                f"{'one' if fresh else 'none'}; {'choose a new folder' if fresh else 'start the run again'}"
            )
        with self._explained():
            self._connection = self._connect()
            if fresh:
                self._connection.execute(_TABLE)
                self.put({"format": FORMAT.encode()})
            else:
                self._verify()

    def _connect(self) -> sqlite3.Connection:
        name = MEMORY if self.path is None else str(self.path)
        connection = sqlite3.connect(name, check_same_thread=False, timeout=5.0)
        connection.execute("PRAGMA journal_mode=PERSIST")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    def put(self, rows: Mapping[str, bytes]) -> None:
        """Write rows, all or none; what stood under a key is replaced."""
        sealed = [(key, value, _digest(key, value)) for key, value in rows.items()]
        with self._explained(), self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", sealed)

    def get(self, key: str) -> bytes | None:
        """What stands under a key, or None. Raises StateError where it is not what was written."""
        with self._explained():
            row = self._connection.execute("SELECT value, digest FROM kept WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        if row[1] != _digest(key, row[0]):
            raise self._damaged(f"{key!r} is not what was written")
        return bytes(row[0])

    def keys(self, prefix: str) -> list[str]:
        """Keys that begin so, in order."""
        with self._explained():
            found = self._connection.execute(
                "SELECT key FROM kept WHERE key >= ? AND key < ? ORDER BY key",
                (prefix, prefix + "\U0010ffff"),
            )
            return [str(key) for (key,) in found]

    def forget(self, prefix: str) -> None:
        """Remove the keys that begin so; the file's room is used again."""
        with self._explained(), self._connection:
            self._connection.execute(
                "DELETE FROM kept WHERE key >= ? AND key < ?", (prefix, prefix + "\U0010ffff")
            )

    def close(self) -> None:
        """Close the file; it can be opened again."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _verify(self) -> None:
        (said,) = self._connection.execute("PRAGMA integrity_check").fetchone()
        if said != "ok":
            raise self._damaged(str(said).splitlines()[0])
        for key, value, digest in self._connection.execute("SELECT key, value, digest FROM kept"):
            if digest != _digest(key, value):
                raise self._damaged(f"{key!r:.60} is not what was written")
        if (found := self.get("format")) != FORMAT.encode():
            raise StateError(
                f"state: expected {self.path} in format {FORMAT}, got {(found or b'none').decode()}, of "
                "another version; nothing was changed or moved: resume it with the version that began it, or "
                "start the run again"
            )

    def _damaged(self, how: str) -> StateError:
        return StateError(
            f"state: expected {self.path} as it was written, got a damaged file ({how}); nothing was changed "
            "or moved: bring it back from a copy, or start the run again"
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """SQLite's errors in our words."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise StateError(
                    f"state: expected {self.path} to be free, got one that another process writes to; "
                    "nothing was sent since: wait until it is done, or end it, then vlp resume the run"
                ) from error
            raise StateError(
                f"state: expected to read and write {self.path}, got: {error}; nothing was sent since, what "
                "was written before is kept: free some space or mend the folder, then vlp resume it"
            ) from error
        except (sqlite3.DatabaseError, OSError) as error:
            raise self._damaged(str(error)) from error


def _digest(key: object, value: bytes) -> bytes:
    return hashlib.sha256(str(key).encode() + b"\0" + bytes(value)).digest()
