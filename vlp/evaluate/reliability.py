"""Reliability diagram: predicted probabilities beside how often they came true, with the extra `viz`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from vlp.bench.stats import share

BINS: Final = 6

Vector = NDArray[np.float64]


def reliability(p: Vector, y: Vector) -> dict[str, Any]:
    """Bins of as many plans each, the mean distance between predicted and observed shares (weighted), the
    Brier score beside that of the overall share, and how well the order is told (area under the curve)."""
    order = np.array_split(np.argsort(p), BINS)
    bins = [{"predicted": round(float(p[i].mean()), 3), **share([bool(v) for v in y[i]])} for i in order]
    gaps = [abs(p[i].mean() - y[i].mean()) * len(i) / len(p) for i in order]
    pairs = p[y == 1][:, None] - p[y == 0][None]
    return {
        "plans": len(p),
        "as_imagined": share([bool(v) for v in y]),
        "expected_calibration_error": round(float(sum(gaps)), 4),
        "brier": round(float(((p - y) ** 2).mean()), 4),
        "brier_of_overall_share": round(float(y.mean() * (1 - y.mean())), 4),
        "area_under_curve": round(float((pairs > 0).mean() + 0.5 * (pairs == 0).mean()), 4),
        "bins": bins,
    }


def draw(bins: Sequence[Mapping[str, Any]], path: Path) -> None:
    """The bins of `reliability` as a diagram, with 95% intervals, as PNG."""
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axes = figure.subplots()
    x, y = [one["predicted"] for one in bins], [one["share"] for one in bins]
    ends = np.array([one["interval_95"] for one in bins]).T
    axes.plot([0, 1], [0, 1], "--", color="0.6", label="as predicted")
    axes.errorbar(x, y, np.abs(ends - np.array(y)), fmt="o", capsize=4, label="measured, 95% interval")
    axes.set(xlabel="expected success of the plan", ylabel="share that ended as imagined",
             xlim=(0, 1), ylim=(0, 1))  # fmt: skip
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)
