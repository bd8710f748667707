"""Terminal output beside the result: to stderr, where a reader that has left does not end the work."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from typing import TextIO, cast

from rich.console import Console


def stderr() -> Console:
    """A console on stderr, for progress and the like."""
    return Console(file=cast(TextIO, _Lenient()), stderr=True)


def reader_left() -> bool:
    """Whether nobody reads the pipe any more that stdout is."""
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)  # errors are always told
    except (OSError, ValueError):
        return False
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def close_stdout() -> None:
    """Drop what could not be written to stdout, so that it is not tried again when the process ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


class _Lenient:
    """stderr, whichever it is when something is written; what it refuses is not said."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(sys.stderr, name)
