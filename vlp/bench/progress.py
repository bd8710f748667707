"""Progress of a bench, on stderr: a bar with the time left, and a line an episode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vlp.bench.line import Line
from vlp.terminal import stderr

_A_WEEK = 7 * 86_400.0
"""Seconds over which the speed is averaged: an episode may take minutes."""


def _method(line: Line) -> str:
    return str(line["method"])


class BenchBar:
    """A watcher of `vlp.bench.execution.run_all`, and a context manager.

    Args:
        name: what a line is called, before its task and seed.
    """

    def __init__(self, name: Callable[[Line], str] = _method) -> None:
        self._name = name
        self._console = stderr()
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("time left"), TimeRemainingColumn())
        self._bar = Progress(*columns, console=self._console, speed_estimate_period=_A_WEEK)
        self._task = self._bar.add_task("episodes", total=None)

    def begin(self, known: int, left: int) -> None:
        self._bar.update(self._task, total=left)
        self._bar.start()
        if known:
            self._say(f"{known} episodes are there already, {left} are left")

    def ended(self, line: Line) -> None:
        self._bar.advance(self._task)
        self._say(in_words(line | {"method": self._name(line)}, self._bar.tasks[0].time_remaining))

    def _say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, highlight=False, markup=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()


def in_words(line: Mapping[str, Any], left: float | None = None) -> str:
    """A line for people; `left`: seconds until the bench ends, where that can be told."""
    text = (
        f"{line['method']} {line['task']} seed {line['seed']}: score {line['score']:.3g}, "
        f"{line['control_steps']} control steps, {line['seconds']:.0f} s, {line['reason']}"
    )
    return text if left is None else f"{text}; {left / 60:.0f} min left"
