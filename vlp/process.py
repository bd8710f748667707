"""Process setup of a command: the allocator, and stdout kept for the result."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Final

ALLOCATOR: Final = {
    "THP_MEM_ALLOC_ENABLE": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 27),
}
"""Keep big tensors in huge pages and in the process: page faults would eat most of torch's time on a CPU."""
_GUARD: Final = "VLP_ALLOCATOR"


def tune_allocator() -> None:
    """Start this process anew with the allocator set up, once; what the user has set stays.

    The C library reads these variables only when a process starts.
    """
    missing = {name: value for name, value in ALLOCATOR.items() if name not in os.environ}
    if not missing or _GUARD in os.environ or "torch" in sys.modules or not sys.platform.startswith("linux"):
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(
        sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **missing, _GUARD: "1"}
    )  # the same process id: whoever waits for this command does not notice


@contextlib.contextmanager
def stdout_for_result() -> Iterator[None]:
    """Inside, all that is written to stdout goes to stderr, also by libraries that print in C."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def print_result(result: Mapping[str, object]) -> None:
    """One line of JSON on stdout; ASCII, so that any terminal can take it."""
    print(json.dumps(result), flush=True)
