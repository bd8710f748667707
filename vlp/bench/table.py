"""A summary as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table

from vlp.bench.line import LATER
from vlp.bench.summary import BOUND, OURS

WIDTH = 178
"""Characters that the longest rows take."""
_COLUMNS = (
    "task", "method", "n", "mean score", "complete", "by the simulator", "ours minus it: score", "steps",
    "ours minus it: steps", "s", "decisions",
)  # fmt: skip


CAPTION = (
    "brackets: 95% intervals; ours minus it: paired by seed; "
    "steps: control steps until complete, all that there are where it never was; "
    "by the simulator: completed, had its verdict ended the same episodes"
)


def table(found: Mapping[str, Any]) -> Group:
    """The table of `vlp.bench.summary.summary`, and what holds each task back where bounds were run."""
    shown = Table(*_COLUMNS, caption=CAPTION)
    for task, results in found.items():
        for method, row in results["methods"].items():
            shown.add_row(task, method, *_cells(row, results["ours_minus"].get(method)))
    mixed = codes(found)
    notes = [f"not all of the same code: {'; '.join(mixed)}"] if len(mixed) > 1 else []
    return Group(
        shown, *notes, *(_held_back(task, results) for task, results in found.items() if _bounds(results))
    )


def codes(found: Mapping[str, Any]) -> list[str]:
    """Each code that the figures are of, with the methods measured with it, in words; one where all is of the
    same. What does not tell is of code that is not known."""
    methods: dict[str, dict[str, None]] = {}
    for results in found.values():
        for method, row in results["methods"].items():
            for code in row.get("code", [LATER["code"]]):
                methods.setdefault(code, {})[method] = None
    return [f"{code} ({', '.join(names)})" for code, names in methods.items()]


def _cells(row: Mapping[str, Any], minus: Mapping[str, Any] | None) -> list[str]:
    done = row["complete"]
    return [
        str(done["of"]),
        f"{row['mean_score']:.2f} {_interval(row['interval_95'])}",
        _share(done),
        _share(row["simulator"]["complete"]) if "simulator" in row else "",
        _minus(minus, "score", 2),
        f"{row['steps_to_complete']:.0f}",
        _minus(minus, "steps_to_complete", 0),
        f"{row['seconds']:.0f}",
        f"{row['decisions']:.1f}",
    ]


def _share(found: Mapping[str, Any]) -> str:
    return f"{found['share']:.2f} {_interval(found['interval_95'])}"


def _minus(minus: Mapping[str, Any] | None, name: str, digits: int) -> str:
    if minus is None:
        return ""
    found = minus[name]
    return f"{found['mean']:+.{digits}f} {_interval(found['interval_95'], '+', digits)}"


def _interval(ends: tuple[float, float], sign: str = "", digits: int = 2) -> str:
    # Backslash: square brackets are rich's markup.
    return f"\\[{ends[0]:{sign}.{digits}f}, {ends[1]:{sign}.{digits}f}]"


def _bounds(results: Mapping[str, Any]) -> bool:
    return OURS in results["methods"] and any(name.startswith(BOUND) for name in results["methods"])


def _held_back(task: str, results: Mapping[str, Any]) -> str:
    name = results["holds_back"]
    if name is None:
        return f"{task}: no bound is clearly above ours on these seeds"
    gap = -results["ours_minus"][name]["score"]["mean"]
    return f"{task}: held back most by the part that {name} replaces (mean score {gap:+.2f} with it)"
