"""An operator at a terminal: the plan with its branches, and what is said of it."""

from __future__ import annotations

import sys
from typing import Final, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from planner import Search
from vlp.approval import Answer, check
from vlp.errors import UsageError
from vlp.live import LiveView
from vlp.live_text import plain
from vlp.looping import Ask

HELP: Final = "yes | reject N why | edit N words | pick N | stop [why]"
ROWS: Final = 40
"""Branches shown at most."""


def asked_on_terminal(live: LiveView, answers: TextIO | None = None) -> Ask:
    """Asks on the console of the live view; `answers`: where lines come from, else stdin. At their
    end there is no answer."""
    source = sys.stdin if answers is None else answers

    def ask(decision: int, found: Search) -> Answer | None:
        with live.paused() as console:
            _show(console, decision, found)
            while True:
                console.print(Text(f"act on this plan? {HELP}: "), end="")
                line = source.readline()
                if not line:
                    return None
                try:
                    answer = read(line)
                    check(answer, found)
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


def _show(console: Console, decision: int, found: Search) -> None:
    chosen = {step.node_id for step in found.plan}
    table = Table(title=f"decision {decision}", box=None, pad_edge=False)
    for name in ("N", "level", "subgoal", "steps to go", ""):
        table.add_column(name, justify="right" if name in ("N", "steps to go") else "left")
    shown = sorted(found.tree.nodes, key=lambda node: (node.id not in chosen, node.depth, node.steps_to_go))
    for node in shown[:ROWS]:
        note = "in the plan" if node.id in chosen else node.rejected or ""
        style = "bold green" if node.id in chosen else "dim" if node.rejected else ""
        steps = f"{node.steps_to_go:.0f}"
        table.add_row(
            str(node.id), str(node.depth), Text(plain(node.subgoal)), steps, Text(plain(note)), style=style
        )
    console.print(table)
