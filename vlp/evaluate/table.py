"""The README's table of figures, written from results/*.json between two marks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from vlp.bench.table import codes

FIGURES, METHODS, BOUNDS, ABLATIONS = "figures", "methods", "bounds", "ablations"
"""Names of the tables in the README, each between marks of its own."""
ABLATED = ("execution", "extraction", "budget")
"""Ablations whose tables stand there; that of planning is a figure."""
MOVED = re.compile(r"(?<=^python -m vlp\.evaluate\.)(?!tabletop\.)")
"""Where a command lacks the folder in which it has come to stand since it made the figures."""
BENCH, OWN = "bench/summary", "bench-own/summary"
"""Whole episodes that the simulator's verdict ended, and that the agent ended itself."""
Result = Mapping[str, Any]


@dataclass(frozen=True)
class Options:
    """Options of the table."""

    results: Path = Path("results")
    readme: Path = Path("README.md")


@dataclass(frozen=True)
class Row:
    """A figure: where it is, how it reads, what it should be."""

    name: str
    file: str
    read: Callable[[Result], str]
    bar: str
    met: Callable[[Result], bool]


def _percent(entry: Result) -> str:
    low, high = entry["interval_95"]
    return f"{100 * entry['share']:.0f}% [{100 * low:.0f}, {100 * high:.0f}], n={entry['of']}"


def _raw(entry: Result) -> str:
    """To a tenth of a percent: it is never to read as 100% where it is less."""
    low, high = entry["interval_95"]
    return f"{100 * entry['share']:.1f}% [{100 * low:.1f}, {100 * high:.1f}], n={entry['of']}"


def _mean(entry: Result) -> str:
    low, high = entry["interval_95"]
    return f"{entry['mean']:.2f} [{low:.2f}, {high:.2f}]"


def _signed(entry: Result, digits: int = 2) -> str:
    low, high = entry["interval_95"]
    return f"{entry['mean']:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"


def _under_rules(result: Result) -> list[Result]:
    never, slow = result["difference_to_none"].values()
    return [never, result["difference_where_the_block_stays_anyway"], slow]


def _ours(task: str) -> Callable[[Result], Result]:
    return lambda result: result["tasks"][task]["methods"]["ours"]


def _own_complete(task: str, bar: float) -> Row:
    ours = _ours(task)

    def read(result: Result) -> str:
        found = ours(result)
        wrong = found["said_done_and_was_not"]
        return (
            f"{_percent(found['complete'])}; by the simulator's verdict in the same episodes "
            f"{_percent(found['simulator']['complete'])}; said done and was not "
            f"{round(wrong['share'] * wrong['of'])} of {wrong['of']}"
        )

    name = f"{task}: tasks completed, 2/4/4 horizon 2, ended by the agent itself"
    return Row(name, OWN, read, f">= {bar:.0%}", lambda r: ours(r)["complete"]["share"] >= bar)


def _complete(task: str, bar: float) -> Row:
    ours = _ours(task)
    name = f"{task}: the same, ended by the simulator's verdict"
    return Row(
        name, BENCH, lambda r: _percent(ours(r)["complete"]), f">= {bar:.0%}",
        lambda r: ours(r)["complete"]["share"] >= bar,
    )  # fmt: skip


def _score(task: str, bar: float) -> Row:
    ours = _ours(task)

    def read(result: Result) -> str:
        found = ours(result)
        low, high = found["interval_95"]
        return f"{found['mean_score']:.3f} [{low:.3f}, {high:.3f}]; {found['seconds']:.0f} s an episode"

    name = f"{task}: mean score, ended by the simulator's verdict"
    return Row(name, BENCH, read, f">= {bar}", lambda r: ours(r)["mean_score"] >= bar)


def _share(name: str, file: str, key: str, bar: float) -> Row:
    return Row(name, file, lambda r: _percent(r[key]), f">= {bar:.0%}", lambda r: r[key]["share"] >= bar)


def _told(name: str, file: str, read: Callable[[Result], str]) -> Row:
    """A figure without a bar."""
    return Row(name, file, read, "-", lambda r: True)


WIDTHS = ("1/1/1", "1/1/4", "1/4/4", "2/4/4")


def _accepted(result: Result) -> list[float]:
    """Shares of imagined plans that the judge accepts, the narrowest search first."""
    return [result["tasks"]["line"][width]["complete"]["share"] for width in WIDTHS]


ROWS = (
    Row(
        "pose probe, median error on real frames",
        "perception",
        lambda r: f"{r['perception']['median_mm']} mm; judge {r['judge']['median_mm']} mm",
        "<= 6 mm",
        lambda r: max(r["perception"]["median_mm"], r["judge"]["median_mm"]) <= 6,
    ),
    _share("imagined clips: the named block is the one that moves", "imagined", "named_block_moves", 0.9),
    _share("imagined clips: subgoal reached in the last frame", "imagined", "subgoal_reached", 0.6),
    _share("policy on the true frames of oracle pushes", "following", "push_succeeds", 0.9),
    _share("one push in words, imagined and acted", "pushes", "push_succeeds", 0.85),
    Row(
        "texts drawn from the language model that parse and name blocks on the board; of the subgoals left "
        "once the others are dropped",
        "vlm",
        lambda r: f"{_raw(r['raw_samples_sound'])}; {_percent(r['proposals_sound'])}",
        ">= 99%",
        lambda r: r["raw_samples_sound"]["share"] >= 0.99,
    ),
    Row(
        "Spearman of steps-to-go along held-out demonstrations",
        "vlm",
        lambda r: _mean(r["spearman_steps_to_go"]),
        ">= 0.8",
        lambda r: r["spearman_steps_to_go"]["mean"] >= 0.8,
    ),
    _told(
        "steps-to-go of branches on crowded rows: rank correlation with plays of what it learned from",
        "value",
        lambda r: _mean(r["rank_correlation"]),
    ),
    _told("good clips that a guard drops", "guards", lambda r: _percent(r["false_positives"])),
    _told(
        "expected success of a plan: calibration error; area under curve",
        "confidence",
        lambda r: f"{r['expected_calibration_error']:.3f}; {r['area_under_curve']:.2f}, n={r['plans']}",
    ),
    _told(
        "runs that end as done by the camera alone and are not; that go on though they are",
        "confidence",
        lambda r: (
            f"{_percent(r['camera']['said_done_and_was_not'])}; "
            f"{_percent(r['camera']['went_on_though_done'])} of those that did not end"
        ),
    ),
    _told(
        "pushes under a rule minus those without: never move a block that is not named; of these, where it "
        "stays anyway; at most 10 cm a second",
        "benign",
        lambda r: "; ".join(map(_signed, _under_rules(r))),
    ),
    _own_complete("area", 0.64),
    _own_complete("group", 0.92),
    _own_complete("line", 0.16),
    _complete("area", 0.64),
    _complete("group", 0.92),
    _complete("line", 0.16),
    _score("area", 0.87),
    _score("group", 0.96),
    _score("line", 0.65),
    Row(
        f"make line: imagined plans that the judge accepts, {' -> '.join(WIDTHS)}",
        "ablate/planning/summary",
        lambda r: (
            " -> ".join(f"{100 * share:.0f}%" for share in _accepted(r))
            + f"; the last {_percent(r['tasks']['line'][WIDTHS[-1]]['complete'])}"
        ),
        "rising; >= 56% and 3 x the first",
        lambda r: _accepted(r) == sorted(_accepted(r)) and _accepted(r)[-1] >= max(0.56, 3 * _accepted(r)[0]),
    ),
    Row(
        "one decision, 2/4/4 horizon 2, 2 cores; peak memory",
        "decision_cpu",
        lambda r: (
            f"{r['seconds_a_decision']} s; {r['peak_memory_gb']} GB; {r['branches_a_second']} branches/s; "
            f"{r['processor']}, {'with' if r['bfloat16'] else 'without'} bfloat16"
        ),
        "<= 10 s; <= 4 GB",
        lambda r: r["seconds_a_decision"] <= 10 and r["peak_memory_gb"] <= 4,
    ),
)


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
        lines.append(f"| {row.name} | {row.bar} | {row.read(result)} | {met} | `{_command(result)}` |")
    return "\n".join(lines)


def _command(result: Result) -> str:
    """That which makes a figure anew."""
    return MOVED.sub("tabletop.", result["command"])


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
    said = [f"{count}, ended by {ended}: `{result['command']}`"]
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
        f"{found['mean_score']:.2f}" + (f", {_signed(score)}" if score else ""),
        f"{found['steps_to_complete']:.0f}" + (f", {_signed(steps, 0)}" if steps else ""),
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
                _ablated(f"{name}, {task}", variant, row, result["command"])
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
        _percent(done).rpartition(",")[0] + paper.get("complete", ""),
        f"{row['mean_score']:.2f} [{low:.2f}, {high:.2f}]" + paper.get("score", ""),
        f"{row['steps_to_complete']:.0f}",
        f"`{command}`",
    ]
    return f"| {' | '.join(cells)} |"


def _put(text: str, name: str, table: str) -> str:
    """The text with a table between the marks of that name."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    head, rest = text.split(begin)
    return f"{head}{begin}\n{table}\n{end}{rest.split(end)[1]}"


def main(options: Options) -> None:
    """Put the tables into the README."""
    text = options.readme.read_text(encoding="utf-8")
    text = _put(text, FIGURES, table(options.results))
    text = _put(text, METHODS, methods(options.results / "methods.json"))
    text = _put(text, BOUNDS, methods(options.results / "bounds" / "summary.json"))
    options.readme.write_text(_put(text, ABLATIONS, ablations(options.results)), encoding="utf-8")


if __name__ == "__main__":
    main(tyro.cli(Options))
