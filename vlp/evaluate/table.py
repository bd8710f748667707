"""Tables of figures as Markdown, written from results/*.json."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from vlp.bench.table import codes
from vlp.evaluate.rows import BRIEF, ROWS, Result, percent, signed

ABLATED = ("execution", "extraction", "budget")
"""Ablations that are whole episodes; that of planning is a row of the figures."""

_MOVED: Final = re.compile(r"(?<=^python -m vlp\.evaluate\.)(?!tabletop\.)")


def moved(command: str) -> str:
    """A command as it is called now: those that measured the tabletop stood a folder higher before."""
    return _MOVED.sub("tabletop.", command)


def table(results: Path) -> str:
    """The table as Markdown; figures that were not measured say so."""
    lines = ["| figure | bar | measured (95% interval) | met | command |", "|---|---|---|---|---|"]
    for row in ROWS:
        path = results / f"{row.file}.json"
        if not path.exists():
            lines.append(f"| {row.name} | {row.bar} | not measured | - | - |")
            continue
        result = json.loads(path.read_text(encoding="utf-8"))
        met = "-" if row.bar == "-" else "yes" if row.met(result) else "**no**"
        lines.append(
            f"| {row.name} | {row.bar} | {row.read(result)} | {met} | `{moved(result['command'])}` |"
        )
    return "\n".join(lines)


def brief(results: Path) -> str:
    """The README's table as Markdown: a few figures, with both ways to end an episode side by side."""
    lines = ["| figure | bar | measured (95% interval) | met |", "|---|---|---|---|"]
    for name, bar, rows in BRIEF:
        shown, met = [], True
        for row in rows:
            path = results / f"{row.file}.json"
            result = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
            shown.append(row.read(result) if result else "not measured")
            met = met and result is not None and row.met(result)
        lines.append(f"| {name} | {bar} | {'; '.join(shown)} | {'yes' if met else '**no**'} |")
    return "\n".join(lines)


def methods(path: Path) -> str:
    """The methods of a bench's summary side by side as Markdown."""
    if not path.exists():
        return "not measured"
    result = json.loads(path.read_text(encoding="utf-8"))
    tasks: Mapping[str, Result] = result["tasks"]
    names = list(dict.fromkeys(name for task in tasks.values() for name in task["methods"]))
    titles = [f"{task}: completed; score, ours minus it; steps, ours minus it" for task in tasks]
    lines = [f"| method | {' | '.join(titles)} |", "|---" * (len(tasks) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(_cell(task, name) for task in tasks.values())} |" for name in names]
    count = f"{result['episodes']} boards a task, from seed {result['first_seed']:,} on"
    ended = "the agent itself" if result["stop"] == "own" else "the simulator's verdict"
    said = [f"{count}, ended by {ended}: `{moved(result['command'])}`"]
    mixed = codes(tasks)
    said += [f"Not all rows are of the same code: {'; '.join(mixed)}."] if len(mixed) > 1 else []
    return "\n".join([*lines, "", "\n\n".join(said)])


def _cell(task: Result, name: str) -> str:
    found = task["methods"].get(name)
    if found is None:
        return "-"
    minus = task["ours_minus"].get(name, {})
    score, steps = minus.get("score"), minus.get("steps_to_complete")
    return "; ".join([
        f"{100 * found['complete']['share']:.0f}%",
        f"{found['mean_score']:.2f}" + (f", {signed(score)}" if score else ""),
        f"{found['steps_to_complete']:.0f}" + (f", {signed(steps, 0)}" if steps else ""),
    ])  # fmt: skip


def ablations(results: Path) -> str:
    """What the ablations say as one Markdown table; those that were not measured are left out."""
    lines = [
        "| ablation, task | variant | boards | completed (paper) | score (paper) | steps | command |",
        "|---" * 7 + "|",
    ]
    for name in ABLATED:
        path = results / "ablate" / name / "summary.json"
        if path.exists():
            result = json.loads(path.read_text(encoding="utf-8"))
            lines += [
                _ablated(f"{name}, {task}", variant, row, moved(result["command"]))
                for task, rows in result["tasks"].items()
                for variant, row in rows.items()
            ]
    return "\n".join(lines)


def _ablated(name: str, variant: str, row: Result, command: str) -> str:
    done, (low, high) = row["complete"], row["interval_95"]
    paper = {key: f" ({100 * value:.0f}%)" for key, value in row["paper"].items()}
    cells = [
        name,
        variant,
        str(done["of"]),
        percent(done).rpartition(",")[0] + paper.get("complete", ""),
        f"{row['mean_score']:.2f} [{low:.2f}, {high:.2f}]" + paper.get("score", ""),
        f"{row['steps_to_complete']:.0f}",
        f"`{command}`",
    ]
    return f"| {' | '.join(cells)} |"
