"""An ablation's figures as one picture, with the extra `viz`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from vlp.ablate.summary import measured

PAPER_LABEL = "paper (other code, tasks, camera, data)"


def plot(found: Mapping[str, Any], path: Path) -> None:
    """Write what `vlp.ablate.summary.summary` found to `path` as PNG: a panel a measure, 95% intervals."""
    measures = found["measures"]
    figure = Figure(figsize=(5.5 * len(measures), 4), layout="constrained")
    panels = figure.subplots(1, len(measures), squeeze=False)[0]
    for axes, (measure, words) in zip(panels, measures.items(), strict=True):
        _panel(axes, found, measure)
        axes.set_ylabel(f"{words}, 0 to 1")
        axes.set_ylim(-0.03, 1.03)
        axes.grid(axis="y", alpha=0.3)
    # Below the panels: inside, a mark of the legend looks like a measurement.
    shown = {
        label: mark for axes in panels for mark, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(list(shown.values()), list(shown), loc="outside lower center", ncols=4, fontsize=8)
    figure.suptitle(found["title"])
    partial = path.with_suffix(".partial")
    figure.savefig(partial, format="png", dpi=120)
    partial.replace(path)


def _panel(axes: Axes, found: Mapping[str, Any], measure: Any) -> None:
    timed = found["ablation"] == "budget"
    names = list(next(iter(found["tasks"].values())))
    for number, (task, variants) in enumerate(found["tasks"].items()):
        means, ends = zip(*(measured(row, measure) for row in variants.values()), strict=True)
        aside = 0.08 * (number - (len(found["tasks"]) - 1) / 2)
        x = _seconds(variants) if timed else np.arange(len(names)) + aside
        errors = np.abs(np.array(ends).T - np.array(means))
        line = "-" if timed else ""
        axes.errorbar(x, means, errors, fmt=f"o{line}", capsize=4, label=f"{task}, measured")
        reported = [(at, row["paper"][measure]) for at, row in enumerate(variants.values())
                    if measure in row["paper"]]  # fmt: skip
        if reported:
            axes.plot(*zip(*reported, strict=True), "x", color="0.4", label=PAPER_LABEL)
    if timed:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("measured seconds of search a decision")
    else:
        axes.set_xticks(range(len(names)), names)


def _seconds(variants: Mapping[str, Any]) -> list[float]:
    """An episode without any decision has none: nothing is drawn there."""
    return [row["seconds_a_decision"] or np.nan for row in variants.values()]
