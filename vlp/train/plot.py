"""A training's curve as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

_NOT_LOSSES: Final = ("step", "samples", "seconds", "samples_a_second")


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> bool:
    """Draw all losses over samples as a PNG; whether it could be: matplotlib comes with the extra viz."""
    if not rows or find_spec("matplotlib") is None:
        return False
    import matplotlib.figure

    figure = matplotlib.figure.Figure(figsize=(8, 5), dpi=100, layout="constrained")
    axes: Any = figure.add_subplot()
    names = dict.fromkeys(name for row in rows for name in row if name not in _NOT_LOSSES)
    for name in names:
        points = [(row["samples"], row[name]) for row in rows if name in row]
        axes.plot(*zip(*points, strict=True), label=name, marker="." if len(points) < 20 else None)
    if all(row.get(name, 1) > 0 for row in rows for name in names):
        axes.set_yscale("log")
    axes.set_xlabel("samples")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path)
    return True
