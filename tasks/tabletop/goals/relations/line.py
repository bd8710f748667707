"""On a line: horizontal, vertical, diagonal or any; anywhere, in the middle, or in a part of the board."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np

from tasks.tabletop.goals.push import LINE_SPACING, LINE_WIDTH, LINE_X, LINE_Y
from tasks.tabletop.goals.relations.base import Blocks, Places, Vector, spaced, there
from tasks.tabletop.goals.relations.in_area import area_named, brought_into, inside
from tasks.tabletop.world.board import BOARD_CENTER

WIDTH: Final = 0.025
"""Metres that a block may be beside a line that has no place of its own; in the middle it is 0.03."""
ROOM: Final = 0.05
"""Metres along the line from block to block that are wanted."""
_HALF: Final = float(np.sqrt(0.5))
WAYS: Final = {
    "horizontal": ((0.0, 1.0),),
    "vertical": ((1.0, 0.0),),
    "diagonal": ((_HALF, _HALF), (_HALF, -_HALF)),
    "any": (),
}
"""Unit vectors along a line of each direction; that of "any" is the best fit to the blocks."""
ANYWHERE, MIDDLE = "any", "middle"
SIDES: Final = ("top", "bottom", "left", "right")
_SAID: Final = {"any": "one straight line", "diagonal": "a diagonal line"}


@dataclass(frozen=True)
class Line:
    """Reward: 1 where all are on the line, within 0.025 m of it (0.03 in the middle of the board), at least
    0.035 m apart along it, and in the part of the board that is named; else less, by the blocks that are off.

    Where a direction has several lines, or any will do, the one that fits best. Raises ValueError for an
    unknown direction or place.
    """

    who: tuple[str, ...]
    direction: str = "any"
    where: str = ANYWHERE
    said: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.direction not in WAYS or self.where not in (ANYWHERE, MIDDLE, *SIDES):
            raise ValueError(
                f"expected a line among {', '.join(WAYS)}, at {', '.join((ANYWHERE, MIDDLE, *SIDES))}; "
                f"got {self.direction!r:.40} at {self.where!r:.40}"
            )

    @property
    def words(self) -> str:
        line = _SAID.get(self.direction, f"a {self.direction} line")
        if self.where == MIDDLE:
            return f"{self.said} on {line} through the middle of the board"
        return f"{self.said} on {line}" + (f" in the {area_named(self.where)}" if self.where in SIDES else "")

    @property
    def names(self) -> tuple[str, ...]:
        return self.who

    def _ways(self, points: Vector) -> list[Vector]:
        """Unit vectors [2] that the line may run along."""
        if self.direction != "any":
            return [np.array(way) for way in WAYS[self.direction]]
        _, _, axes = np.linalg.svd(points - points.mean(0))
        return [axes[0]]

    def _middle(self, points: Vector, way: Vector) -> float:
        """Where the line lies across its way, metres."""
        across = points @ np.array([way[1], -way[0]])
        if self.where == MIDDLE:
            center = (LINE_X, LINE_Y) if self.direction in ("horizontal", "vertical") else BOARD_CENTER
            return float(np.array(center) @ np.array([way[1], -way[0]]))
        return float(across.max() + across.min()) / 2

    def _off(self, points: Vector, way: Vector) -> int:
        """How many blocks are not as they should be."""
        across, along = points @ np.array([way[1], -way[0]]), points @ way
        beside = np.abs(across - self._middle(points, way)) >= (LINE_WIDTH if self.where == MIDDLE else WIDTH)
        order = np.argsort(along, kind="stable")
        crowded = {int(b) for a, b in pairwise(order) if along[b] - along[a] < LINE_SPACING}
        outside = [self.where in SIDES and not inside(self.where, point) for point in points]
        return sum(bool(beside[k] or k in crowded or outside[k]) for k in range(len(points)))

    def reward(self, blocks: Blocks) -> float:
        if not there(self.who, blocks) or not self.who:
            return 0.0
        points = np.array([blocks[name] for name in self.who])
        off = min(self._off(points, way) for way in self._ways(points))
        return 1.0 - off / len(self.who)

    def wanted(self, blocks: Blocks) -> Places:
        here = [name for name in self.who if name in blocks]
        if not here:
            return {}
        points = np.array([blocks[name] for name in here])
        found = [self._onto(points, way) for way in self._ways(points)]
        best = min(found, key=lambda places: float(np.abs(places - points).sum()))
        return dict(zip(here, best, strict=True))

    def _onto(self, points: Vector, way: Vector) -> Vector:
        """The points [N, 2] brought onto a line along `way`."""
        normal = np.array([way[1], -way[0]])
        order = np.argsort(points @ way, kind="stable")
        along = np.empty(len(points))
        along[order] = spaced([float(points[k] @ way) for k in order], ROOM)
        middle = np.full(len(points), self._middle(points, way))
        if self.where != MIDDLE:
            middle[:] = float((points @ normal).mean())
        placed = along[:, None] * way + middle[:, None] * normal
        if self.where in SIDES:
            # All by the same step, so that it stays a line.
            steps = np.array([brought_into(self.where, place) - place for place in placed])
            placed = placed + steps[int(np.abs(steps).sum(1).argmax())]
        return np.asarray(placed)
