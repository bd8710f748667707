"""Lease of a robot: one operator at a time, with a token that tells an old holder from the new one.

The token is a fencing token (M. Kleppmann, "How to do distributed locking", 2016): it grows with every lease,
and only the newest one may send.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from executors.safety.faults import BusyError, LeaseError, one_line
from executors.safety.files import Busy, file_lock, replace_file, sweep

Clock = Callable[[], float]
"""Seconds since 1970: a lease is read by other processes, and after a restart."""


@dataclass(frozen=True)
class Granted:
    """What the lease file says."""

    token: int = 0
    """Of the newest lease; grows by one with each."""
    holder: str = ""
    """Empty once it was given back."""
    until: float = 0.0
    """Seconds since 1970."""


def _understood(found: Any) -> Granted:
    """Raises ValueError or TypeError for anything that `LeaseStore.write` has not written."""
    if set(found) != {field.name for field in fields(Granted)}:
        raise ValueError
    granted = Granted(**found)
    if type(granted.token) is not int or not isinstance(granted.holder, str) or granted.token < 1:
        raise ValueError
    if type(granted.until) not in (int, float) or not math.isfinite(granted.until):
        raise ValueError
    return granted


class LeaseStore:
    """The lease of one robot; every process that drives it names the same folder, on a local disk."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder.resolve() / "lease.json"
        self._lock = file_lock(self._path.with_name("lease.lock"))

    def acquire(self, holder: str, seconds: float = 30.0, *, clock: Clock = time.time) -> Lease:
        """Become the operator for `seconds`; whoever held the same name before is shut out, too.

        Raises LeaseError when another's lease has not run out, or when the lease file can't be read or
        written; BusyError while another's action does not end; ValueError for an empty name or a time that is
        not positive.
        """
        if not holder or not 0 < seconds < math.inf:
            raise ValueError(
                f"expected a name and a positive time, got {holder!r:.80}, {seconds}; name the operator"
            )
        with self.locked():
            now, granted = clock(), self.read()
            if granted.holder not in ("", holder) and now < granted.until:
                until = time.strftime("%H:%M:%S", time.localtime(granted.until))
                raise LeaseError(
                    f"expected a robot that is free, got one leased to {one_line(granted.holder)} "
                    f"until {until} ({granted.until - now:.0f} s left); wait, or ask them to release it"
                )
            self.write(Granted(granted.token + 1, holder, now + seconds))
            sweep(self._path)
            return Lease(self, granted.token + 1, holder, seconds, clock)

    @contextmanager
    def locked(self, wait: float | None = None) -> Iterator[None]:
        """No lease is given, renewed or taken back meanwhile, and no action is sent under one. Raises
        BusyError where an action does not end within `wait` seconds (else ten), and LeaseError when the disk
        fails."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self._lock.held(wait))
            except Busy as error:
                raise BusyError(
                    f"expected the robot's action under way to end, got none of that ({one_line(error)}); "
                    "nothing was sent or changed; see to that process, or end it"
                ) from error
            except OSError as error:
                raise self._failed(error) from error
            yield

    def read(self) -> Granted:
        """The newest lease, run out or not. Raises LeaseError for a file that can't be read."""
        try:
            granted = _understood(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return Granted()
        except OSError as error:
            raise self._failed(error) from error
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise LeaseError(
                f"expected token, holder and until in {self._path}, got something else; "
                "find out what wrote it, and put back a token at least as high as any given before"
            ) from error
        return granted

    def write(self, granted: Granted) -> None:
        """Only while `locked`. Raises LeaseError when the disk fails."""
        try:
            replace_file(self._path, json.dumps(asdict(granted)))
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> LeaseError:
        return LeaseError(
            f"expected to use {self._path}, got {one_line(error)}; nothing was sent; see to the disk"
        )


@dataclass(frozen=True)
class Lease:
    """The right to drive the robot, as long as `check` does not raise. What waits for an action under way to
    end raises BusyError where it does not."""

    store: LeaseStore
    token: int
    """Greater than that of every lease before."""
    holder: str
    seconds: float
    """How long it lasts from when it was acquired or renewed."""
    clock: Clock

    def check(self) -> None:
        """Raises LeaseError when someone else has taken over, or it has run out or been given back."""
        granted = self.store.read()
        if granted.token != self.token:
            other = f"lease {granted.token} of {one_line(granted.holder) or 'nobody'}"
            raise LeaseError(
                f"expected lease {self.token} of {one_line(self.holder)}, got {other}, which came after; "
                "nothing was sent; acquire it again if it is your turn"
            )
        if not granted.holder or not self.clock() < granted.until:
            state = "run out" if granted.holder else "been given back"
            raise LeaseError(
                f"expected a lease that lasts, got one that has {state}; nothing was sent; acquire it"
            )

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Around the sending of one action: nobody takes over before its end. Raises what `check` does."""
        with self.store.locked():
            self.check()
            yield

    def renew(self) -> None:
        """Let it last `seconds` from now. Raises LeaseError when it is too late for that."""
        with self.store.locked():
            self.check()
            self.store.write(Granted(self.token, self.holder, self.clock() + self.seconds))

    def release(self) -> None:
        """Give it back; nothing happens when someone else has it. Raises LeaseError when the disk fails."""
        with self.store.locked():
            if self.store.read().token == self.token:
                self.store.write(Granted(self.token))
