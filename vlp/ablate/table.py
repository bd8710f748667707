"""An ablation's figures as rows of text, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from vlp.ablate.judge_error import in_words
from vlp.ablate.summary import NOTE, PAPER, Row, measured

WIDTH = 150
"""Characters that the longest rows take."""


def headers(found: Mapping[str, Any]) -> list[str]:
    """The columns; the paper's figures stand beside each measure for which it has any."""
    columns = ["task", "variant", "n"]
    for measure, words in found["measures"].items():
        columns += [words, *(["paper"] if _reported(found, measure) else [])]
    return [*columns, f"{found['reference']} minus it", "s a decision"]


def rows(found: Mapping[str, Any]) -> Iterator[list[str]]:
    """A row for each task and variant."""
    first = next(iter(found["measures"]))
    for task, variants in found["tasks"].items():
        for name, row in variants.items():
            cells = [task, name, str(row["complete"]["of"])]
            for measure in found["measures"]:
                cells += [_cell(row, measure)]
                cells += [_paper(row, measure)] if _reported(found, measure) else []
            seconds = row["seconds_a_decision"]
            yield [*cells, _minus(row, first), "" if seconds is None else f"{seconds:.2f}"]


def notes(found: Mapping[str, Any]) -> list[str]:
    """What must stand beside the figures."""
    said = ["brackets: 95% intervals; differences: of the first measure, paired by seed", found["note"]]
    said += [f"paper: {PAPER}. {NOTE}"] if found["paper"] else []
    return [*said, in_words(found["judge"])] if "judge" in found else said


def table(found: Mapping[str, Any]) -> Group:
    """The summary of `vlp.ablate.summary.summary` for the terminal."""
    shown = Table(*headers(found), title=found["title"])
    for cells in rows(found):
        shown.add_row(*map(escape, cells))
    return Group(shown, *map(escape, notes(found)))


def _reported(found: Mapping[str, Any], measure: str) -> bool:
    return any(measure in row["paper"] for rows in found["tasks"].values() for row in rows.values())


def _cell(row: Row, measure: Any) -> str:
    mean, (low, high) = measured(row, measure)
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def _paper(row: Row, measure: str) -> str:
    return f"{row['paper'][measure]:.3g}" if measure in row["paper"] else ""


def _minus(row: Row, measure: str) -> str:
    if "reference_minus" not in row:
        return ""
    found = row["reference_minus"][measure]
    low, high = found["interval_95"]
    return f"{found['mean']:+.2f} [{low:+.2f}, {high:+.2f}]"
