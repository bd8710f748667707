"""Success against clips and against seconds of planning, with the extra `viz`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure

COSTS: Final = {"clips": "clips an episode", "seconds_planning": "seconds of planning an episode"}


def plot(result: Mapping[str, Any], path: Path) -> None:
    """Write a summary's rows to `path` as PNG: a panel a cost, a mark a method and budget, 95% intervals."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    panels = figure.subplots(1, len(COSTS), sharey=True)
    for axes, (cost, words) in zip(panels, COSTS.items(), strict=True):
        for number, row in enumerate(result["rows"]):
            share, (low, high) = row["success"]["share"], row["success"]["interval_95"]
            axes.errorbar(
                row[cost], share, [[share - low], [high - share]], fmt="osv^D"[number % 5], capsize=3,
                color=f"C{number % 10}", label=f"{row['method']} {row['budget']}",
            )  # fmt: skip
        axes.set_xlabel(words)
        axes.set_ylim(-0.03, 1.03)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("success, 0 to 1")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    figure.suptitle(f"Track {result['track']}")
    partial = path.with_suffix(".partial")
    figure.savefig(partial, format="png", dpi=120)
    partial.replace(path)
