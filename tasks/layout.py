"""Random boards: where blocks and the pusher start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks import board

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


def random_names(rng: np.random.Generator) -> tuple[str, ...]:
    """Which blocks are in use: mostly BLOCK_8, at times BLOCK_4 or any few."""
    draw = rng.random()
    if draw < 0.75:
        return board.BLOCK_8
    if draw < 0.85:
        return board.BLOCK_4
    count = int(rng.integers(2, 9))
    return tuple(str(name) for name in sorted(rng.choice(board.KINDS, count, replace=False)))
