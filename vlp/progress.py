"""Progress bar on stderr, with the time left, or lines where no terminal is."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from vlp.terminal import stderr

LINE_SECONDS: Final = 20.0
"""Between two lines where there is no terminal."""
_AN_HOUR: Final = 3600.0
"""Over which the speed is averaged."""


class Bar:
    """A context manager; `advance` it from 0 to `total` of whatever is counted. It is shown from the first
    advance on, be it of 0: what is made before that may show a bar of its own."""

    def __init__(self, name: str, total: float) -> None:
        self._name, self._console = name, stderr()
        self._bar = Progress(
            TextColumn(name),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("time left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            speed_estimate_period=_AN_HOUR,
            # A stdout that goes elsewhere keeps its lines.
            redirect_stdout=sys.stdout.isatty(),
        )
        self._task = self._bar.add_task("", total=total, note="")
        self._said = time.monotonic()

    def advance(self, count: float = 1) -> None:
        """So much more is done."""
        self._bar.start()
        self._bar.advance(self._task, count)
        if not self._console.is_terminal and time.monotonic() - self._said > LINE_SECONDS:
            self._said = time.monotonic()
            self._console.print(self._line(), soft_wrap=True, highlight=False, markup=False)

    def say(self, note: str) -> None:
        """Words that stand beside the bar from now on."""
        self._bar.update(self._task, note=note)

    def _line(self) -> str:
        task = self._bar.tasks[0]
        left = "not known yet" if task.time_remaining is None else f"{task.time_remaining / 60:.1f} min"
        note = f", {task.fields['note']}" if task.fields["note"] else ""
        return f"{self._name}: {task.percentage:.0f} %, time left {left}{note}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar.live.is_started:
            self._bar.stop()
