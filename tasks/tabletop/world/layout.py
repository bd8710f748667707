"""Random boards: where blocks and the pusher start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.goals.push import LINE_X, LINE_Y
from tasks.tabletop.world import board

Layout = tuple[dict[str, tuple[float, float, float]], tuple[float, float]]
"""Blocks at (x, y, yaw) and the pusher at (x, y): metres, radians."""
Corner = tuple[float, float]
LOW, HIGH = (0.185, -0.262), (0.553, 0.262)
"""Corners of the region where things start, (x, y) metres."""
TRIES = 50
"""Boards begun anew before so many blocks are said not to fit."""
WIDE_LOW, WIDE_HIGH = (0.150, -0.290), (0.562, 0.290)
"""The same with the strip along the board's edge, where pushes that went wrong leave blocks."""


def _scatter(
    rng: np.random.Generator, names: Sequence[str], gap: float, draw: Callable[[int], NDArray[np.float64]]
) -> Layout | None:
    """Blocks and then the pusher at points that `draw` gives for how many stand already, more than `gap`
    metres apart; None when they do not fit."""
    points: list[NDArray[np.float64]] = []
    for _ in range(2000):
        point = draw(len(points))
        if all(np.linalg.norm(point - other) > gap for other in points):
            points.append(point)
        if len(points) == len(names) + 1:
            places = zip(names, points, rng.uniform(-np.pi, np.pi, len(names)), strict=False)
            blocks = {n: (float(q[0]), float(q[1]), float(a)) for n, q, a in places}
            return blocks, (float(points[-1][0]), float(points[-1][1]))
    return None


def _fitting(tries: Iterable[Layout | None], names: Sequence[str], gap: float) -> Layout:
    """The first try that came out. Raises ValueError where none did."""
    found = next((layout for layout in tries if layout is not None), None)
    if found is None:
        raise ValueError(
            f"expected blocks that fit on the board {gap} m apart, got {len(names)}; "
            "use fewer or a smaller gap"
        )
    return found


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
    tries = (_scatter(rng, names, gap, lambda _: rng.uniform(low, high)) for _ in range(TRIES))
    return _fitting(tries, names, gap)


def row_layout(
    rng: np.random.Generator, line: str, names: Sequence[str] = board.BLOCK_8, gap: float = 0.045
) -> Layout:
    """A board on which three blocks or more stand in a row that is too close, crooked or both, as lines do
    that went wrong; the other blocks and the pusher anywhere, at least `gap` metres apart.

    Raises ValueError when so many blocks do not fit.
    """
    order = tuple(str(name) for name in rng.permutation(np.array(names)))
    return _fitting((_row(rng, line, order, gap) for _ in range(TRIES)), names, gap)


def _row(rng: np.random.Generator, line: str, names: Sequence[str], gap: float) -> Layout | None:
    """One try: the first few of `names` in a row, the others anywhere."""
    along, middle = (0, LINE_Y) if line == "vertical" else (1, LINE_X)
    count, extent = int(rng.integers(3, len(names) + 1)), HIGH[along] - LOW[along]
    length = float(rng.uniform(min(0.042 * count, extent), extent))
    begin = float(rng.uniform(LOW[along], HIGH[along] - length))

    def draw(standing: int) -> NDArray[np.float64]:
        point = rng.uniform(LOW, HIGH)
        if standing < count:
            point[along] = rng.uniform(begin, begin + length)
            point[1 - along] = middle + rng.normal(0, 0.016)
        return np.asarray(point)

    return _scatter(rng, names, gap, draw)


def random_names(rng: np.random.Generator) -> tuple[str, ...]:
    """Which blocks are in use: mostly BLOCK_8, at times BLOCK_4 or any few."""
    draw = rng.random()
    if draw < 0.75:
        return board.BLOCK_8
    if draw < 0.85:
        return board.BLOCK_4
    count = int(rng.integers(2, 9))
    return tuple(str(name) for name in sorted(rng.choice(board.KINDS, count, replace=False)))
