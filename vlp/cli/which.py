"""Which: a person at a terminal says which of several meanings an instruction has."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TextIO, TypeVar

from vlp.errors import InstructionError
from vlp.session.request import PlanRequest, RunRequest
from vlp.terminal import stderr

R = TypeVar("R", RunRequest, PlanRequest)
T = TypeVar("T")


def with_one_meaning(request: R, go: Callable[[R], T], answers: TextIO | None = None) -> T:
    """What `go` gives for a request; where its words have several meanings and somebody is at the terminal,
    for the one that is chosen. `answers`: where lines come from, else stdin. Raises InstructionError."""
    try:
        return go(request)
    except InstructionError as error:
        lines = answers or sys.stdin
        if not error.readings or (answers is None and not lines.isatty()):
            raise
        chosen = _asked(error.readings, lines)
        if chosen is None:
            raise
    return go(replace(request, instruction=chosen))


def _asked(readings: tuple[str, ...], lines: TextIO) -> str | None:
    """The meaning that is chosen, or None where nobody answers."""
    console = stderr()
    for number, words in enumerate(readings, 1):
        console.print(f"{number}. {words}", markup=False, highlight=False)
    while True:
        console.print(f"which is meant, 1 to {len(readings)}? ", end="", markup=False, highlight=False)
        line = lines.readline()
        if not line:
            return None
        if line.strip().isdecimal() and 1 <= int(line) <= len(readings):
            return readings[int(line) - 1]
