"""Random boards: where blocks and the pusher start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks import board
from tasks.success import LINE_X, LINE_Y

Layout = tuple[dict[str, tuple[float, float, float]], tuple[float, float]]
"""Blocks at (x, y, yaw) and the pusher at (x, y): metres, radians."""
Corner = tuple[float, float]
LOW, HIGH = (0.185, -0.262), (0.553, 0.262)
"""Corners of the region where things start, (x, y) metres."""
WIDE_LOW, WIDE_HIGH = (0.150, -0.290), (0.562, 0.290)
"""The same with the strip along the board's edge, where pushes that went wrong leave blocks."""


def random_layout(
    rng: np.random.Generator,
    names: Sequence[str] = board.BLOCK_8,
    gap: float = 0.062,
    low: Corner = LOW,
    high: Corner = HIGH,
) -> Layout:
    """Blocks (x, y, yaw) and the pusher (x, y), metres and radians, at least `gap` metres apart.

    Raises ValueError when so many blocks do not fit.
    """
    for _ in range(50):
        points: list[NDArray[np.float64]] = []
        for _ in range(2000):
            point = rng.uniform(low, high)
            if all(np.linalg.norm(point - other) > gap for other in points):
                points.append(point)
            if len(points) == len(names) + 1:
                yaws = rng.uniform(-np.pi, np.pi, len(names))
                blocks = {
                    n: (float(q[0]), float(q[1]), float(a))
                    for n, q, a in zip(names, points, yaws, strict=False)
                }
                return blocks, (float(points[-1][0]), float(points[-1][1]))
    raise ValueError(
        f"expected blocks that fit on the board {gap} m apart, got {len(names)}; use fewer or a smaller gap"
    )


def row_layout(
    rng: np.random.Generator, line: str, names: Sequence[str] = board.BLOCK_8, gap: float = 0.045
) -> Layout:
    """A board on which three blocks or more stand in a row that is too close, crooked or both, as lines do
    that went wrong; the other blocks and the pusher anywhere, at least `gap` metres apart."""
    low, high, along = np.array(LOW), np.array(HIGH), 0 if line == "vertical" else 1
    middle = (LINE_X, LINE_Y)[1 - along]
    order = rng.permutation(np.array(names)).tolist()
    while True:
        count = int(rng.integers(3, len(names) + 1))
        extent = float(high[along] - low[along])
        length = float(rng.uniform(min(0.042 * count, extent), extent))
        begin = float(rng.uniform(low[along], high[along] - length))
        points: list[NDArray[np.float64]] = []
        for _ in range(2000):
            point = rng.uniform(low, high)
            if len(points) < count:
                point[along] = rng.uniform(begin, begin + length)
                point[1 - along] = middle + rng.normal(0, 0.016)
            if all(np.linalg.norm(point - other) > gap for other in points):
                points.append(point)
            if len(points) == len(names) + 1:
                yaws = rng.uniform(-np.pi, np.pi, len(names))
                places = zip(order, points, yaws, strict=False)
                blocks = {n: (float(q[0]), float(q[1]), float(a)) for n, q, a in places}
                return blocks, (float(points[-1][0]), float(points[-1][1]))


def random_names(rng: np.random.Generator) -> tuple[str, ...]:
    """Which blocks are in use: mostly BLOCK_8, at times BLOCK_4 or any few."""
    draw = rng.random()
    if draw < 0.75:
        return board.BLOCK_8
    if draw < 0.85:
        return board.BLOCK_4
    count = int(rng.integers(2, 9))
    return tuple(str(name) for name in sorted(rng.choice(board.KINDS, count, replace=False)))
