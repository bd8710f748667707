"""On the corners of a triangle or a square."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tasks.tabletop.goals.relations.base import Blocks, Places, Vector, there
from tasks.tabletop.goals.relations.circle import polygon

CORNERS: Final = {"triangle": 3, "square": 4}
OFF: Final = 0.2
"""Share that a side may be longer or shorter than their mean; the diagonals of a square, than theirs."""
LEAST: Final = 0.07
"""Metres of a side."""


def _even(lengths: Vector) -> int:
    """How many lengths are near enough to their mean."""
    return int((np.abs(lengths - lengths.mean()) <= OFF * lengths.mean()).sum())


@dataclass(frozen=True)
class Corners:
    """Reward: 1 where the sides are at least 0.07 m on average and all alike to 20%, and so are the diagonals
    of a square; else the share of those that are. Raises ValueError unless there is a block for each corner.
    """

    who: tuple[str, ...]
    figure: str
    said: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if len(self.who) != CORNERS.get(self.figure):
            raise ValueError(
                f"expected {CORNERS.get(self.figure, 'three or four')} blocks for the corners of a "
                f"{self.figure}, got {len(self.who)}"
            )

    @property
    def words(self) -> str:
        return f"{self.said} on the corners of a {self.figure}"

    @property
    def names(self) -> tuple[str, ...]:
        return self.who

    def reward(self, blocks: Blocks) -> float:
        if not there(self.who, blocks):
            return 0.0
        points = np.array([blocks[name] for name in self.who])
        gaps = points - points.mean(0)
        ring = points[np.argsort(np.arctan2(gaps[:, 1], gaps[:, 0]))]
        sides = np.linalg.norm(ring - np.roll(ring, 1, 0), axis=1)
        good, asked = _even(sides) + int(sides.mean() >= LEAST), len(sides) + 1
        if self.figure == "square":
            good, asked = good + _even(np.linalg.norm(ring[:2] - ring[2:], axis=1)), asked + 2
        return good / asked

    def wanted(self, blocks: Blocks) -> Places:
        here = [name for name in self.who if name in blocks]
        if len(here) < len(self.who):
            return {}
        points = np.array([blocks[name] for name in here])
        far = float(np.linalg.norm(points - points.mean(0), axis=1).mean())
        radius = min(max(far, 0.065), 0.14)
        return dict(zip(here, polygon(points, points.mean(0), radius), strict=True))
