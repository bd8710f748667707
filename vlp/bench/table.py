"""A summary as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table

from vlp.bench.summary import BOUND, OURS

WIDTH = 132
"""Characters that the longest rows take."""
_COLUMNS = ("task", "method", "n", "mean score", "complete", "ours minus it", "s", "steps", "decisions")


def table(found: Mapping[str, Any]) -> Group:
    """The table of `vlp.bench.summary.summary`, and what holds each task back where bounds were run."""
    shown = Table(*_COLUMNS, caption="brackets: 95% intervals; ours minus it: mean score, paired by seed")
    for task, results in found.items():
        for method, row in results["methods"].items():
            shown.add_row(task, method, *_cells(row, results["ours_minus"].get(method)))
    return Group(shown, *(_held_back(task, results) for task, results in found.items() if _bounds(results)))


def _cells(row: Mapping[str, Any], minus: Mapping[str, Any] | None) -> list[str]:
    done = row["complete"]
    return [
        str(done["of"]),
        f"{row['mean_score']:.2f} {_interval(row['interval_95'])}",
        f"{done['share']:.2f} {_interval(done['interval_95'])}",
        f"{minus['score']['mean']:+.2f} {_interval(minus['score']['interval_95'], '+')}" if minus else "",
        f"{row['seconds']:.0f}",
        f"{row['control_steps']:.0f}",
        f"{row['decisions']:.1f}",
    ]


def _interval(ends: tuple[float, float], sign: str = "") -> str:
    # Backslash: square brackets are rich's markup.
    return f"\\[{ends[0]:{sign}.2f}, {ends[1]:{sign}.2f}]"


def _bounds(results: Mapping[str, Any]) -> bool:
    return OURS in results["methods"] and any(name.startswith(BOUND) for name in results["methods"])


def _held_back(task: str, results: Mapping[str, Any]) -> str:
    name = results["holds_back"]
    if name is None:
        return f"{task}: no bound is clearly above ours on these seeds"
    gap = -results["ours_minus"][name]["score"]["mean"]
    return f"{task}: held back most by the part that {name} replaces (mean score {gap:+.2f} with it)"
