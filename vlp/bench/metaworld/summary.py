"""Summary of the protocol's episodes: shares with their intervals, and search against single clips."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from vlp.bench.line import Line
from vlp.bench.metaworld.budgets import BUDGETS, METHODS, TRACKS
from vlp.bench.published import PublishedRun
from vlp.bench.stats import bootstrap, share

PUBLISHED: Final = (
    "Published (AVDC, Meta-World v2, 25 layouts a task and camera): BC 16.2%, UniPi with replanning 6.1, "
    "AVDC without replanning 19.6, AVDC 43.1 (34.5 with predicted masks); VideoAgent with replanning 53.7. "
    "Versions differ (here v3, mujoco 3.3): compare within the table."
)
RULE: Final = (
    "Success: the simulator says so within 500 steps (AVDC's code); held: for ten steps on end. Intervals "
    "are Wilson's, 95%. Input at test time: one RGB picture and the words."
)


def summary(asked: PublishedRun, lines: Sequence[Line]) -> dict[str, Any]:
    """What stands in summary.json."""
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        groups.setdefault((line["method"], line["settings"]["budget"]), []).append(line)
    rows = [_row(method, budget, own) for (method, budget), own in groups.items()]
    return {
        "command": shlex.join(["vlp", *sys.argv[1:]]),
        "track": asked.track,
        "renderer": asked.renderer,
        "layouts": asked.layouts,
        "first_seed": asked.first_seed,
        "clips": asked.clips,
        "choose": asked.choose,
        "follow": asked.follow,
        "sampling_steps": asked.sampling_steps,
        "weights": {line["method"]: line["weights"] for line in lines},
        "code": sorted({line["code"] for line in lines}),
        "rows": rows,
        "search_minus_single_at_equal_clips": _paired(
            groups.get(("ours", "equal"), []), groups.get(("single", "free"), [])
        ),
    }


def _row(method: str, budget: str, lines: Sequence[Line]) -> dict[str, Any]:
    plans = sum(line["plans"] for line in lines)
    planning = sum(line["seconds_planning"] for line in lines)
    return {
        "method": method,
        "budget": budget,
        "success": share([line["success"] for line in lines]),
        "held": share([line["held"] for line in lines]),
        "errors": sum(bool(line["error"]) for line in lines),
        "plans": _mean([line["plans"] for line in lines]),
        "clips": _mean([line["clips"] for line in lines]),
        "seconds_a_plan": round(planning / plans, 3) if plans else None,
        "seconds_planning": _mean([line["seconds_planning"] for line in lines]),
        "seconds_an_episode": _mean([line["seconds"] for line in lines]),
        "tasks": _by(lines, lambda line: line["task"]),
        "cameras": _by(lines, lambda line: line["settings"]["camera"]),
    }  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 2)


def _by(lines: Sequence[Line], key: Any) -> dict[str, Any]:
    names = dict.fromkeys(key(line) for line in lines)
    return {name: share([line["success"] for line in lines if key(line) == name]) for name in names}


def _paired(search: Sequence[Line], single: Sequence[Line]) -> dict[str, Any] | None:
    """The difference in success on the layouts that both were at."""

    def keyed(lines: Sequence[Line]) -> dict[tuple[str, str, int], Line]:
        return {(line["task"], line["settings"]["camera"], line["seed"]): line for line in lines}

    ours, theirs = keyed(search), keyed(single)
    both = sorted(set(ours) & set(theirs))
    if not both:
        return None
    gains = [float(ours[key]["success"]) - float(theirs[key]["success"]) for key in both]
    return {
        "of": len(both),
        "difference": round(float(np.mean(gains)), 4),
        "interval_95": bootstrap(gains),
        "clips": [_mean([one[key]["clips"] for key in both]) for one in (ours, theirs)],
    }


def table(result: Mapping[str, Any]) -> str:
    """Markdown, the track at its top."""
    rows = result["rows"]
    said = [
        f"**Track {TRACKS[result['track']]}.** Renderer: {result['renderer']}. {RULE} {PUBLISHED}",
        "",
        "| method | plans | episodes | success | held | errors | plans | clips | s a plan |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_line(row) for row in rows),
        "",
        _tasks(rows),
    ]
    if (paired := result["search_minus_single_at_equal_clips"]) is not None:
        low, high = paired["interval_95"]
        said += [
            "",
            f"Search minus single clips at equal clips: {paired['difference']:+.1%} "
            f"({low:+.1%} to {high:+.1%}), {paired['of']} pairs, "
            f"{paired['clips'][0]} and {paired['clips'][1]} clips an episode.",
        ]
    used = dict.fromkeys(row["method"] for row in rows)
    said += ["", *(f"- {name}: {METHODS[name]}" for name in used)]
    said += [f"- {name}: {BUDGETS[name]}" for name in dict.fromkeys(row["budget"] for row in rows)]
    return "\n".join(said) + "\n"


def _share(found: Mapping[str, Any]) -> str:
    low, high = found["interval_95"]
    return f"{found['share']:.1%} ({low:.0%}-{high:.0%})"


def _line(row: Mapping[str, Any]) -> str:
    seconds = "" if row["seconds_a_plan"] is None else f"{row['seconds_a_plan']:.2f}"
    cells = (row["method"], row["budget"], row["success"]["of"], _share(row["success"]), _share(row["held"]),
             row["errors"], row["plans"], row["clips"], seconds)  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def _tasks(rows: Sequence[Mapping[str, Any]]) -> str:
    """Successes of episodes, task by task and camera by camera."""
    heads = [f"{row['method']} {row['budget']}" for row in rows]
    said = [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for kind in ("tasks", "cameras"):
        for name in dict.fromkeys(name for row in rows for name in row[kind]):
            found = [row[kind].get(name) for row in rows]
            cells = ["" if one is None else f"{round(one['share'] * one['of'])}/{one['of']}" for one in found]
            said.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(said)
