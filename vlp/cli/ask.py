"""An operator at a terminal: the plan with its branches, and what is said of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from executors.robot import Observation
from planner import Node, Search
from tasks.domain import Sight
from vlp.agent.approval import Answer, check
from vlp.agent.graph import Ask
from vlp.cli.live import LiveView
from vlp.errors import UsageError
from vlp.events.types import Event
from vlp.events.words import plain
from vlp.record.branch_sheet import branch_sheet, ends, in_order
from vlp.record.filmstrip import write_png
from vlp.record.report.parts import steps_text

HELP: Final = "yes | reject N why | edit N words | pick N | stop [why]"
ROWS: Final = 40
"""Branches shown at most."""


def asked_on_terminal(
    live: LiveView,
    answers: TextIO | None = None,
    *,
    check_subgoal: Callable[[str], None],
    pictures: Pictures | None = None,
) -> Ask:
    """Asks on the console of the live view; `answers`: where lines come from, else stdin. At their
    end there is no answer. `pictures`: of the branches; None: words only."""
    source = sys.stdin if answers is None else answers

    def ask(decision: int, found: Search) -> Answer | None:
        with live.paused() as console:
            _show(console, decision, found, pictures)
            while True:
                console.print(Text(f"act on this plan? {HELP}: "), end="")
                line = source.readline()
                if not line:
                    return None
                try:
                    answer = read(line)
                    check(answer, found, check_subgoal)
                    return answer
                except ValueError as error:
                    console.print(Text(plain(str(error)), style="red"))

    return ask


def read(line: str) -> Answer:
    """The answer that a line words, see HELP. Raises UsageError."""
    word, _, rest = line.strip().partition(" ")
    number, _, said = rest.strip().partition(" ")
    if word in ("y", "yes") and not rest:
        return Answer.approve()
    if word == "stop":
        return Answer.stop(rest.strip() or "stopped by the operator")
    if word == "pick" and number.isdecimal() and not said:
        return Answer.pick(int(number))
    if word in ("reject", "edit") and number.isdecimal() and said.strip():
        node, text = int(number), said.strip()
        return Answer.reject({node: text}) if word == "reject" else Answer.edit(node, text)
    raise UsageError(f"answer: expected {HELP}, got {line.strip()!r:.60}; N is the number of a branch")


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Where an operator's pictures go, and what reads their boards.

    path: of the run; a decision's sheet lies in its folder there.
    """

    path: Path
    sight: Sight

    def save(self, decision: int, found: Search, shown: Sequence[Node]) -> Path:
        """Write the contact sheet of these branches."""
        folder = self.path / "decisions" / f"{decision:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "branches.png"
        write_png(file, branch_sheet(found, shown))
        return file


def _show(console: Console, decision: int, found: Search, pictures: Pictures | None) -> None:
    chosen = {step.node_id for step in found.plan}
    nodes = in_order(found)
    shown = nodes[:ROWS]
    where = [""] * len(shown) if pictures is None else ends(found, shown, pictures.sight)
    table = Table(title=f"decision {decision}", box=None, pad_edge=False)
    for name in ("N", "level", "after", "subgoal", "as imagined", "steps to go", ""):
        table.add_column(name, justify="right" if name in ("N", "after", "steps to go") else "left")
    for node, end in zip(shown, where, strict=True):
        note = "in the plan" if node.id in chosen else node.rejected or ""
        style = "bold green" if node.id in chosen else "dim" if node.rejected else ""
        after = "" if node.parent is None else str(node.parent)
        table.add_row(
            str(node.id), str(node.depth), after, Text(plain(node.subgoal)), Text(plain(end)),
            steps_text(node.steps_to_go, node.spread), Text(plain(note)), style=style,
        )  # fmt: skip
    console.print(table)
    if len(nodes) > len(shown):
        console.print(Text(f"and {len(nodes) - len(shown)} more, see the report"))
    if pictures is not None:
        file = pictures.save(decision, found, shown)
        console.print(
            Text("pictures, a row a branch: ").append(str(file), style=f"link {file.as_uri()}"),
            soft_wrap=True,
        )


class Terminal:
    """A `Watcher`: the live view, and the operator before it."""

    def __init__(self, live: LiveView, ask: Ask) -> None:
        self._live, self.ask = live, ask
        self.on_event = live.on_event

    def began(self, folder: Path) -> None:
        """Its report is told of at the end."""

    def __call__(self, event: Event) -> None:
        """Show it."""
        self._live(event)

    def seen(self, observation: Observation) -> None:
        """Pictures are not shown here."""
