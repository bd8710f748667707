"""Beginnings of training episodes: which task, which blocks, where they stand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.tabletop.goals import LONG_TASKS, MakeLine
from tasks.tabletop.goals.base import LongTask
from tasks.tabletop.world import board
from tasks.tabletop.world.layout import HIGH, LOW, WIDE_HIGH, WIDE_LOW, Layout, random_layout, row_layout

AT_EDGES = 0.3
"""Share of boards with blocks along the edge too."""
MISSING = 0.12
"""Share of long tasks begun with a block or two gone, which can be made the best of, not completed."""
CROWDED = 0.5
"""Share of lines begun from a crowded or crooked row, where lines that are nearly made get stuck."""
_WEIGHTS = {
    "group the blocks by color": 5.0,
    "vertical": 5.0,
    "horizontal": 3.5,
    "shape": 2.0,
    "corner": 1.0,
}


def draw_names(rng: np.random.Generator) -> tuple[str, ...]:
    """The blocks of a long task: all, or a few less."""
    names: tuple[str, ...] = board.BLOCK_8
    if rng.random() < MISSING:
        names = tuple(rng.permutation(names)[: len(names) - int(rng.integers(1, 3))].tolist())
    return names


def draw_task(rng: np.random.Generator) -> LongTask:
    """A long task, the harder the likelier."""
    weights = np.array(
        [next((w for key, w in _WEIGHTS.items() if key in t.instruction), 0.7) for t in LONG_TASKS]
    )
    return LONG_TASKS[int(rng.choice(len(LONG_TASKS), p=weights / weights.sum()))]


def draw_row(rng: np.random.Generator, task: LongTask) -> str | None:
    """Which crowded row a task begins from, if any."""
    return task.line if isinstance(task, MakeLine) and rng.random() < CROWDED else None


def draw_layout(rng: np.random.Generator, names: Sequence[str], row: str | None = None) -> Layout:
    """Blocks anywhere, or some of them in a crowded `row`."""
    if row is not None:
        return row_layout(rng, row, names)
    low, high = (WIDE_LOW, WIDE_HIGH) if rng.random() < AT_EDGES else (LOW, HIGH)
    return random_layout(rng, names, float(rng.uniform(0.047, 0.07)), low, high)
