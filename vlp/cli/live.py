"""Live view of a run, on stderr: it redraws on a terminal, and is short plain lines elsewhere.

stdout stays free for results.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from vlp.events.left import Left
from vlp.events.types import (
    Beam,
    Event,
    Observed,
    Replanned,
    RunStarted,
    Searched,
    Stopped,
    SubgoalStarted,
    Verified,
)
from vlp.events.words import line, plain, score, search_line, verdict
from vlp.terminal import stderr

ROWS = 12  # of the table of beams: the view must fit on a screen


@dataclass(frozen=True, kw_only=True)
class LiveScene:
    """What the view shows. Replaced as a whole: another thread draws it."""

    instruction: str = ""
    decision: int = 0
    doing: str = "starting the robot"
    anew: str = ""
    """Why the newest decision is made."""
    left: Left = field(default_factory=Left)
    beams: tuple[Beam, ...] = ()
    verified: str = ""
    score: str = ""

    def after(self, event: Event) -> LiveScene:
        """As it is once this has happened."""
        return replace(self, left=self.left.after(event))._told(event)

    def _told(self, event: Event) -> LiveScene:
        match event:
            case RunStarted():
                return replace(self, instruction=plain(event.instruction), doing="looking")
            case Observed():
                return replace(self, score=score(event))
            case Searched():
                return replace(self, decision=event.decision, beams=event.beams, doing="planned")
            case SubgoalStarted():
                return replace(self, decision=event.decision, doing=plain(event.subgoal))
            case Verified():
                return replace(self, verified=plain(verdict(event)))
            case Replanned():
                return replace(self, doing=line(event) or "", anew=plain(event.reason))
            case Stopped():
                return replace(self, doing=line(event) or "")
            case _:
                return self


class LiveView:
    """Shows a run. Subscribe it to `vlp.events.types.Events`; give `on_event` to `planner.search`.

    control_steps: the most the run may take; None: not known.
    console: where to draw; None: stderr.
    """

    def __init__(self, *, control_steps: int | None = None, console: Console | None = None) -> None:
        self._console = console or stderr()
        self._scene = LiveScene(left=Left(cap=control_steps))
        self._live: Live | None = None
        if self._console.is_terminal:
            self._live = Live(console=self._console, get_renderable=self._draw, refresh_per_second=4)

    def __call__(self, event: Event) -> None:
        self._scene = self._scene.after(event)
        if self._live is None and (text := line(event)):
            self._print(f"{event.time:7.1f} s  {text}")

    def on_event(self, kind: str, details: dict[str, object]) -> None:
        """For `planner.search`: how far a search has come."""
        text = plain(search_line(kind, details))
        self._scene = replace(self._scene, doing=f"searching, {text}")
        if self._live is None and kind == "scored":
            self._print(f"{'':9}  {text}")

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    @contextmanager
    def paused(self) -> Iterator[Console]:
        """The console, for a question: nothing is drawn meanwhile."""
        if self._live:
            self._live.stop()
        try:
            yield self._console
        finally:
            if self._live:
                self._live.start()

    def _print(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)

    def _draw(self) -> Panel:
        scene = self._scene
        facts = Table.grid(padding=(0, 2))
        rows = {
            "decision": str(scene.decision or ""),
            "planned anew": scene.anew,
            "now": scene.doing,
            "last verified": scene.verified,
            "score": scene.score.removeprefix("score "),
            "so far": scene.left.words,
        }
        for name, value in rows.items():
            if value:
                facts.add_row(Text(name, style="dim"), Text(value))
        left = scene.left
        parts: list[RenderableType] = [facts, ProgressBar(total=left.goal, completed=left.step)]
        if scene.beams:
            parts.insert(1, _beams(scene.beams))
        return Panel(Group(*parts), title=Text(scene.instruction, style="bold"), title_align="left")


def _beams(beams: tuple[Beam, ...]) -> Table:
    """Kept branches level by level, those of the plan marked."""
    table = Table(expand=True, box=None, pad_edge=False)
    for name in ("level", "beam"):
        table.add_column(name, style="dim", width=7)
    table.add_column("subgoal", ratio=1)
    table.add_column("steps to go", justify="right")
    for beam in beams[:ROWS]:
        steps = "" if beam.steps_to_go is None else f"{beam.steps_to_go:.0f}"
        spread = "" if beam.spread is None else f" ± {beam.spread:.0f}"
        table.add_row(str(beam.depth), f"#{beam.node}", Text(plain(beam.subgoal)), f"{steps}{spread}",
                      style="bold green" if beam.in_plan else "")  # fmt: skip
    return table
