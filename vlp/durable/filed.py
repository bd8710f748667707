"""Files that a run's checkpoints refer to: what they held when they were written, in that order.

A checkpoint keeps how many there were. Those are to be as they were written before anything moves; what came
after them is written again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vlp.durable.store import Store
from vlp.errors import StateError

FILED: Final = "filed/"


class Filed:
    """The files of one run, by its store. `count`: how many were written so far; one may be written twice."""

    def __init__(self, store: Store) -> None:
        self._store, self.count = store, len(store.keys(FILED))

    def add(self, root: Path, paths: Sequence[Path]) -> None:
        """Files below `root` that are on the disk now."""
        rows = {
            _key(self.count + number): json.dumps([path.relative_to(root).as_posix(), _digest(path)]).encode()
            for number, path in enumerate(paths, 1)
        }
        self._store.put(rows)
        self.count += len(rows)

    def check(self, root: Path, count: int) -> set[str]:
        """The first `count` files, by their names below `root`. Raises StateError where one of them is not as
        it was written."""
        last: dict[str, str] = {}
        for number in range(1, count + 1):
            if (kept := self._store.get(_key(number))) is None:
                raise StateError(
                    f"state: expected {count} files that were written, got word of {number - 1}; nothing was "
                    f"changed or moved: bring {self._store.path} back as it was last, or start the run again"
                )
            name, digest = json.loads(kept)
            last[name] = digest
        for name, digest in last.items():
            if (found := _state(root / name, digest)) != "":
                raise StateError(
                    f"state: expected {root / name} as it was written, got {found}; nothing was changed or "
                    "moved: bring it back from a copy, or start the run again"
                )
        return set(last)

    def cut(self, count: int) -> None:
        """Forget those after the first `count`: they are written again."""
        for number in range(count + 1, self.count + 1):
            self._store.forget(_key(number))
        self.count = min(self.count, count)


def _state(path: Path, digest: str) -> str:
    """What is wrong with a file; nothing where it has this digest."""
    try:
        return "" if _digest(path) == digest else "another one, or a part of it"
    except FileNotFoundError:
        return "none"
    except OSError as error:
        return str(error)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _key(number: int) -> str:
    return f"{FILED}{number:06d}"
