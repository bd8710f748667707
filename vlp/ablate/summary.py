"""Summary of an ablation: figures by variant with intervals, paired differences, the paper's beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from vlp.ablate.judge_error import judge_error
from vlp.ablate.variants import Ablation, Measure, Variant
from vlp.bench.line import Line
from vlp.bench.summary import difference, figures

PAPER: Final = "Video Language Planning (Du, Yang et al., 2023), https://arxiv.org/abs/2310.10625"
NOTE: Final = (
    "The paper's figures are from other code, other task definitions, another camera, and models trained on "
    "other data; they say what was reached there and do not compare digit by digit with these."
)
Row = Mapping[str, Any]
Told = tuple[Variant, Line]


def summary(ablation: Ablation, told: Sequence[Told]) -> dict[str, Any]:
    """What stands in summary.json under "tasks", "paper", "judge" and the ablation's own words.

    told: each variant with the line of one episode.
    """
    tasks = list(dict.fromkeys(line["task"] for _, line in told))
    found: dict[str, Any] = {
        "ablation": ablation.name,
        "title": ablation.title,
        "note": ablation.note,
        "measures": dict(ablation.measures),
        "reference": ablation.reference.name,
        "paper": {"source": PAPER, "note": NOTE} if any(v.paper for v in ablation.variants) else None,
        "tasks": {task: _task(ablation, [t for t in told if t[1]["task"] == task], task) for task in tasks},
    }
    return found | ({"judge": judge_error()} if ablation.imagined else {})


def _task(ablation: Ablation, told: Sequence[Told], task: str) -> dict[str, Any]:
    """Variant -> figures; the paper's only on the task that it reports."""
    lines = {v.name: [line for variant, line in told if variant.name == v.name] for v in ablation.variants}
    reference = lines[ablation.reference.name]
    rows = {}
    for variant in ablation.variants:
        row = figures(lines[variant.name])
        row["paper"] = dict(variant.paper) if task in ablation.tasks else {}
        if variant is not ablation.reference:
            row["reference_minus"] = difference(reference, lines[variant.name])
        rows[variant.name] = row
    return rows


def measured(row: Row, measure: Measure) -> tuple[float, tuple[float, float]]:
    """Mean and 95% interval of a variant's figure."""
    low, high = row["interval_95"] if measure == "score" else row["complete"]["interval_95"]
    return (row["mean_score"] if measure == "score" else row["complete"]["share"]), (low, high)
