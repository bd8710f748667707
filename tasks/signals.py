"""Signal handling, in one place: whatever ends a command ends it in order, and loses nothing.

Here, below everything, because whoever writes a file that must be whole says so to this module (`held`).
"""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

ENDING: Final = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGXCPU, signal.SIGUSR1,
    signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO,
    *(number for name in ("SIGPWR", "SIGSTKFLT") if (number := getattr(signal, name, None))),
)  # fmt: skip
"""All that ends a process unless it is handled, but for SIGKILL, SIGPIPE (Python makes an error of it) and
those that a broken program gets."""


class _State:
    """Of this process: signals come to its main thread, one at a time."""

    depth = 0
    waiting: int | None = None


def handle() -> None:
    """From now on a signal ends this process by KeyboardInterrupt (SIGINT) or SystemExit (128 + its number).

    More of them, while files are closed, are ignored. What is ignored already, as under nohup, stays so.
    """
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)


def leave_to_parent() -> None:
    """For a process that another one ends: what a terminal sends to all of them is that one's business."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def held() -> Iterator[None]:
    """In the block no signal breaks anything off; one that came is raised at its end. In other threads than
    the main one none ever does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.depth += 1
    try:
        yield
    finally:
        _State.depth -= 1
        if not _State.depth and (number := _State.waiting) is not None:
            _State.waiting = None
            _raise(number)


def _end(number: int, frame: FrameType | None) -> None:
    for other in ENDING:
        if signal.getsignal(other) is _end:
            signal.signal(other, signal.SIG_IGN)
    if number == signal.SIGHUP:
        _leave_terminal()
    if _State.depth:
        _State.waiting = number
    else:
        _raise(number)


def _raise(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _leave_terminal() -> None:
    """It is gone: what is still said must not fail for that."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        try:
            if stat.S_ISCHR(os.fstat(stream).st_mode):
                os.dup2(nowhere, stream)
        except OSError:
            os.dup2(nowhere, stream)
    os.close(nowhere)
