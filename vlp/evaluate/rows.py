"""Rows of the table of figures: where each figure is, how it reads, what it should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

BENCH, OWN = "bench/summary", "bench-own/summary"
"""Whole episodes that the simulator's verdict ended, and that the agent ended itself."""
PLANS = "ablate/planning/summary"
"""Plans of lines that are imagined to their end."""
BARS = {"area": 0.64, "group": 0.92, "line": 0.16}
"""Share of tasks to complete: what the paper reports for its tasks of these names."""
AIM = 0.9
"""Share of plans imagined to their end that the project would like to see accepted, beyond the bar."""
Result = Mapping[str, Any]


@dataclass(frozen=True)
class FigureRow:
    """A figure: where it is, how it reads, what it should be."""

    name: str
    file: str
    read: Callable[[Result], str]
    bar: str
    met: Callable[[Result], bool]


def percent(entry: Result) -> str:
    low, high = entry["interval_95"]
    return f"{100 * entry['share']:.0f}% [{100 * low:.0f}, {100 * high:.0f}], n={entry['of']}"


def _raw(entry: Result) -> str:
    """To a tenth of a percent: it is never to read as 100% where it is less."""
    low, high = entry["interval_95"]
    return f"{100 * entry['share']:.1f}% [{100 * low:.1f}, {100 * high:.1f}], n={entry['of']}"


def mean(entry: Result) -> str:
    low, high = entry["interval_95"]
    return f"{entry['mean']:.2f} [{low:.2f}, {high:.2f}]"


def signed(entry: Result, digits: int = 2) -> str:
    low, high = entry["interval_95"]
    return f"{entry['mean']:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"


def _under_rules(result: Result) -> list[Result]:
    never, slow = result["difference_to_none"].values()
    return [never, result["difference_where_the_block_stays_anyway"], slow]


TWO_AHEAD = "3/12/1 horizon 2 minus 1/12/4"
CROWDED = ("sort", "row", "swap", "places")


def _ahead(result: Result) -> list[Result]:
    return [result["tasks"][task]["differences"][TWO_AHEAD]["more_completed"] for task in CROWDED]


def _ours(task: str) -> Callable[[Result], Result]:
    return lambda result: result["tasks"][task]["methods"]["ours"]


def _own_complete(task: str, bar: float) -> FigureRow:
    ours = _ours(task)

    def read(result: Result) -> str:
        found = ours(result)
        wrong = found["said_done_and_was_not"]
        return (
            f"{percent(found['complete'])}; by the simulator's verdict in the same episodes "
            f"{percent(found['simulator']['complete'])}; said done and was not "
            f"{round(wrong['share'] * wrong['of'])} of {wrong['of']}"
        )

    name = f"{task}: tasks completed, 2/4/4 horizon 2, ended by the agent itself"
    return FigureRow(name, OWN, read, f">= {bar:.0%}", lambda r: ours(r)["complete"]["share"] >= bar)


def _complete(task: str, bar: float) -> FigureRow:
    ours = _ours(task)
    name = f"{task}: the same, ended by the simulator's verdict"
    return FigureRow(
        name, BENCH, lambda r: percent(ours(r)["complete"]), f">= {bar:.0%}",
        lambda r: ours(r)["complete"]["share"] >= bar,
    )  # fmt: skip


def _score(task: str, bar: float) -> FigureRow:
    ours = _ours(task)

    def read(result: Result) -> str:
        found = ours(result)
        low, high = found["interval_95"]
        return f"{found['mean_score']:.3f} [{low:.3f}, {high:.3f}]; {found['seconds']:.0f} s an episode"

    name = f"{task}: mean score, ended by the simulator's verdict"
    return FigureRow(name, BENCH, read, f">= {bar}", lambda r: ours(r)["mean_score"] >= bar)


def _share(name: str, file: str, key: str, bar: float) -> FigureRow:
    return FigureRow(name, file, lambda r: percent(r[key]), f">= {bar:.0%}", lambda r: r[key]["share"] >= bar)


def _told(name: str, file: str, read: Callable[[Result], str]) -> FigureRow:
    """A figure without a bar."""
    return FigureRow(name, file, read, "-", lambda r: True)


WIDTHS = ("1/1/1", "1/1/4", "1/4/4", "2/4/4")


def _accepted(result: Result) -> list[float]:
    """Shares of imagined plans that the judge accepts, the narrowest search first."""
    return [result["tasks"]["line"][width]["complete"]["share"] for width in WIDTHS]


ROWS = (
    FigureRow(
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
    _share(
        "programs of 1 to 4 relations that no training saw, carried out and ended by the agent itself",
        "programs",
        "completed",
        0.8,
    ),
    FigureRow(
        "texts drawn from the language model that parse and name blocks on the board; of the subgoals left "
        "once the others are dropped",
        "vlm",
        lambda r: f"{_raw(r['raw_samples_sound'])}; {percent(r['proposals_sound'])}",
        ">= 99%",
        lambda r: r["raw_samples_sound"]["share"] >= 0.99,
    ),
    FigureRow(
        "Spearman of steps-to-go along held-out demonstrations",
        "vlm",
        lambda r: mean(r["spearman_steps_to_go"]),
        ">= 0.8",
        lambda r: r["spearman_steps_to_go"]["mean"] >= 0.8,
    ),
    _told(
        "steps-to-go of branches on crowded rows: rank correlation with plays of what it learned from",
        "value",
        lambda r: mean(r["rank_correlation"]),
    ),
    _told("good clips that a guard drops", "guards", lambda r: percent(r["false_positives"])),
    _told(
        "expected success of a plan: calibration error; area under curve",
        "confidence",
        lambda r: f"{r['expected_calibration_error']:.3f}; {r['area_under_curve']:.2f}, n={r['plans']}",
    ),
    _told(
        "runs that end as done by the camera alone and are not; that go on though they are",
        "confidence",
        lambda r: (
            f"{percent(r['camera']['said_done_and_was_not'])}; "
            f"{percent(r['camera']['went_on_though_done'])} of those that did not end"
        ),
    ),
    _told(
        "pushes under a rule minus those without: never move a block that is not named; of these, where it "
        "stays anyway; at most 10 cm a second",
        "benign",
        lambda r: "; ".join(map(signed, _under_rules(r))),
    ),
    FigureRow(
        f"two pushes ahead against one, 48 clips, without physics, more completed: {', '.join(CROWDED)}",
        "ahead-unphysical-learned",
        lambda r: "; ".join(map(signed, _ahead(r))),
        "above zero on two",
        lambda r: sum(entry["interval_95"][0] > 0 for entry in _ahead(r)) >= 2,
    ),
    *(_own_complete(task, bar) for task, bar in BARS.items()),
    *(_complete(task, bar) for task, bar in BARS.items()),
    _score("area", 0.87),
    _score("group", 0.96),
    _score("line", 0.65),
    FigureRow(
        f"make line: imagined plans that the judge accepts, {' -> '.join(WIDTHS)}",
        PLANS,
        lambda r: (
            " -> ".join(f"{100 * share:.0f}%" for share in _accepted(r))
            + f"; the last {percent(r['tasks']['line'][WIDTHS[-1]]['complete'])}"
        ),
        "rising; >= 56% and 3 x the first",
        lambda r: _accepted(r) == sorted(_accepted(r)) and _accepted(r)[-1] >= max(0.56, 3 * _accepted(r)[0]),
    ),
    FigureRow(
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


def _completed(task: str, bar: float, file: str) -> FigureRow:
    ours = _ours(task)
    return FigureRow(
        task, file, lambda r: percent(ours(r)["complete"]), f">= {bar:.0%}",
        lambda r: ours(r)["complete"]["share"] >= bar,
    )  # fmt: skip


def _brief() -> list[tuple[str, str, tuple[FigureRow, ...]]]:
    """Rows of the README's table: name, bar, and the figures that are shown side by side."""
    push = _share("push", "pushes", "push_succeeds", 0.85)
    width = WIDTHS[-1]
    plans = FigureRow(
        "plans", PLANS, lambda r: percent(r["tasks"]["line"][width]["complete"]), ">= 56%",
        lambda r: _accepted(r)[-1] >= 0.56,
    )  # fmt: skip
    decision = FigureRow(
        "decision", "decision_cpu", lambda r: f"{r['seconds_a_decision']} s; {r['peak_memory_gb']} GB", "",
        lambda r: r["seconds_a_decision"] <= 10 and r["peak_memory_gb"] <= 4,
    )  # fmt: skip
    return [
        ("one push in words, imagined and acted", push.bar, (push,)),
        *(
            (
                f"{task}s completed",
                f">= {bar:.0%}",
                (_completed(task, bar, OWN), _completed(task, bar, BENCH)),
            )
            for task, bar in BARS.items()
        ),
        ("lines imagined to their end that a judge accepts", plans.bar, (plans,)),
        ("one decision; memory", "<= 10 s; <= 4 GB", (decision,)),
    ]


BRIEF = _brief()
