"""Summary of many episodes: means with intervals, and paired differences between methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from vlp.bench.line import LATER, Line
from vlp.bench.stats import bootstrap, share
from vlp.bench.stops import DONE

OURS = "ours"
BOUND = "bound-"
"""How the names of upper bounds begin."""
FEWEST_PAIRS = 10
"""With fewer seeds an interval of the mean is no ground for saying which part holds a task back."""


def summary(lines: Sequence[Line]) -> dict[str, Any]:
    """Task -> {"methods": figures by method, "ours_minus": paired differences by other method}."""
    tasks = list(dict.fromkeys(line["task"] for line in lines))
    return {task: _task([line for line in lines if line["task"] == task]) for task in tasks}


def _task(lines: Sequence[Line]) -> dict[str, Any]:
    by_method: dict[str, list[Line]] = {}
    for line in lines:
        by_method.setdefault(line["method"], []).append(line)
    others = [name for name in by_method if name != OURS] if OURS in by_method else []
    minus = {name: difference(by_method[OURS], by_method[name]) for name in others}
    found = {"methods": {name: figures(rows) for name, rows in by_method.items()}, "ours_minus": minus}
    return found | {"holds_back": holds_back(minus)}


def figures(lines: Sequence[Line]) -> dict[str, Any]:
    """One method on one task: mean score (bootstrap interval), completion (Wilson interval), other means, and
    which code they are of."""
    scores = [float(line["score"]) for line in lines]
    decisions = sum(int(line["decisions"]) for line in lines)
    searching = sum(float(line["seconds_by_part"].get("search", 0.0)) for line in lines)
    found: dict[str, Any] = {
        "code": sorted({str(line.get("code", LATER["code"])) for line in lines}),
        "mean_score": round(float(np.mean(scores)), 4),
        "interval_95": bootstrap(scores),
        "complete": share([bool(line["complete"]) for line in lines]),
        "seconds": _mean(lines, "seconds"),
        "control_steps": _mean(lines, "control_steps"),
        "steps_to_complete": round(float(np.mean([steps_to_complete(line) for line in lines])), 2),
        "decisions": _mean(lines, "decisions"),
        "seconds_a_decision": round(searching / decisions, 2) if decisions else None,
    }
    own = [line for line in lines if "simulator" in line]
    return found | (by_judge(own) if own else {})


def by_judge(lines: Sequence[Line]) -> dict[str, Any]:
    """Of episodes that the agent ended itself: how often it said done and was wrong, and what the simulator's
    verdict would have ended them with."""
    done = [line for line in lines if line["reason"] == DONE]
    verdicts: list[Line] = [{**line, **line["simulator"]} for line in lines]
    scores = [float(line["score"]) for line in verdicts]
    return {
        "said_done_and_was_not": share([not line["complete"] for line in done]),
        "simulator": {
            "mean_score": round(float(np.mean(scores)), 4),
            "interval_95": bootstrap(scores),
            "complete": share([bool(line["complete"]) for line in verdicts]),
            "steps_to_complete": round(float(np.mean([steps_to_complete(line) for line in verdicts])), 2),
        },
    }


def steps_to_complete(line: Line) -> float:
    """Control steps until the task was complete; all that an episode may have where it never was."""
    return float(line["control_steps"] if line["complete"] else line["settings"]["max_control_steps"])


def _mean(lines: Sequence[Line], name: str) -> float:
    return round(float(np.mean([line[name] for line in lines])), 2)


def difference(first: Sequence[Line], second: Sequence[Line]) -> dict[str, Any]:
    """First minus second on the seeds that both have, with bootstrap intervals over the pairs.

    Raises ValueError where they have no seed in common.
    """
    other = {line["seed"]: line for line in second}
    pairs = [(line, other[line["seed"]]) for line in first if line["seed"] in other]
    if not pairs:
        raise ValueError("expected lines with seeds in common, got none; run both methods on the same seeds")
    result: dict[str, Any] = {"pairs": len(pairs)}
    measures: dict[str, Callable[[Line], float]] = {
        "score": lambda line: float(line["score"]),
        "complete": lambda line: float(line["complete"]),
        "steps_to_complete": steps_to_complete,
    }
    for name, measure in measures.items():
        gains = [measure(a) - measure(b) for a, b in pairs]
        result[name] = {"mean": round(float(np.mean(gains)), 4), "interval_95": bootstrap(gains)}
    return result


def holds_back(minus: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The bound that is furthest above ours, where its interval is clear of zero: replacing that part by
    its bound helps most. None where no bound was run, or none is clearly above."""
    clear = {
        name: found["score"]["mean"]
        for name, found in minus.items()
        if name.startswith(BOUND) and found["pairs"] >= FEWEST_PAIRS and found["score"]["interval_95"][1] < 0
    }
    return min(clear, key=clear.__getitem__, default=None)
