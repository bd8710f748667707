"""`python -m vlp.evaluate.logged`: the summary of what a bench's log holds of one version of the code, on the
boards that it has of every task and method asked for. Nothing is run; summary.json is written beside the log.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlp.bench.line import LATER, Line
from vlp.bench.log import EpisodeLog
from vlp.bench.names import TASKS, MethodName, Stop, TaskName
from vlp.bench.session import write_json
from vlp.bench.summary import summary
from vlp.evaluate.common import run_main


@dataclass(frozen=True)
class LoggedOptions:
    """Options of the summary."""

    log: Path = Path("results/bench-own/episodes.jsonl")
    code: str = ""
    """Whose rows; without one the log must be of one code only."""
    stop: Stop = "own"
    tasks: tuple[TaskName, ...] = TASKS
    method: tuple[MethodName, ...] = ("ours",)
    command: str = ""
    """That which measured the rows, else this one."""


def main(options: LoggedOptions) -> None:
    """Write the summary. Raises ValueError where the log has no such rows, or rows of several codes or
    weights among which nothing was chosen."""
    with EpisodeLog(options.log) as log:
        lines = list(log.lines.values())
    result = of(lines, options)
    write_json(options.log.with_name("summary.json"), result)
    print(json.dumps(result, indent=1))


def of(lines: Sequence[Line], options: LoggedOptions) -> dict[str, Any]:
    """What stands in summary.json."""
    rows = _chosen(lines, options)
    first = rows[0]
    seeds = sorted({row["seed"] for row in rows})
    return {
        "command": options.command or "python -m vlp.evaluate.logged " + " ".join(sys.argv[1:]),
        "first_seed": seeds[0],
        "episodes": len(seeds),
        "settings": {name: value for name, value in first["settings"].items() if name != "seed"},
        "weights": first["weights"],
        "stop": options.stop,
        "code": [_code(first)],
        "tasks": summary(rows),
    }


def _code(line: Line) -> str:
    return str(line.get("code", LATER["code"]))


def _chosen(lines: Sequence[Line], options: LoggedOptions) -> list[Line]:
    asked = {(task, method) for task in options.tasks for method in options.method}
    rows = [row for row in lines if (row["task"], row["method"]) in asked
            and row.get("stop", LATER["stop"]) == options.stop
            and options.code in ("", _code(row))]  # fmt: skip
    codes = sorted({_code(row) for row in rows})
    weights = {(row["method"], row["weights"]) for row in rows}
    if len(codes) != 1 or len(weights) != len(options.method):
        raise ValueError(
            f"expected rows of one code and weights, got {codes}, {len(weights)}; choose a --code"
        )
    has: dict[int, set[tuple[str, str]]] = {}
    for row in rows:
        has.setdefault(row["seed"], set()).add((row["task"], row["method"]))
    whole = [row for row in rows if has[row["seed"]] == asked]
    if not whole:
        raise ValueError("expected a board that every task and method was run on, got none")
    return sorted(whole, key=lambda row: (row["seed"], options.tasks.index(row["task"])))


if __name__ == "__main__":
    run_main(main, LoggedOptions)
