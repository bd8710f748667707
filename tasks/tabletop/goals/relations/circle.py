"""On a circle: anywhere, or around a block."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tasks.tabletop.goals.relations.base import Blocks, Places, Vector, there
from tasks.tabletop.world.board import words_of

OFF: Final = 0.02
"""Metres that a block may be nearer to the middle, or farther from it, than the circle is."""
LEAST: Final = 0.05
"""Metres of the radius."""
UNEVEN: Final = 1.6
"""Times an even share of the whole turn that the widest gap between neighbours may take."""
SIZE_OFF: Final = 0.03
"""Metres that the size of a circle may be off."""
ROOM: Final = 0.062
"""Metres along the circle that a block is given."""


def fitted(points: Vector) -> Vector:
    """The middle [2] of the circle that fits points [N, 2] best in the least squares of Kasa ("A circle
    fitting procedure and its error analysis", 1976)."""
    given = np.column_stack([2 * points, np.ones(len(points))])
    solution, *_ = np.linalg.lstsq(given, (points**2).sum(1), rcond=None)
    return np.asarray(solution[:2])


def polygon(points: Vector, middle: Vector, radius: float) -> Vector:
    """Even places on a circle for points [N, 2], in their order round it, turned as suits them best."""
    gaps = points - middle
    angles = np.arctan2(gaps[:, 1], gaps[:, 0])
    order = np.argsort(angles, kind="stable")
    even = 2 * np.pi * np.arange(len(points)) / len(points)
    turn = np.angle(np.exp(1j * (angles[order] - even)).mean())
    placed = np.empty_like(points)
    placed[order] = middle + radius * np.stack([np.cos(even + turn), np.sin(even + turn)], 1)
    return placed


@dataclass(frozen=True)
class Circle:
    """Reward: 1 where all blocks, three or more, are within 0.02 m of one circle whose radius is at least
    0.05 m, and no gap between neighbours on it is above 1.6 times an even one; else less, by the blocks that
    are off. `around`: the block in its middle; `across`: metres, 0 for any. Raises ValueError for fewer."""

    who: tuple[str, ...]
    around: str = ""
    across: float = 0.0
    said: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if len(self.who) < 3 or self.around in self.who:
            raise ValueError(f"expected three blocks or more on a circle, got {len(self.who)}; name more")

    @property
    def words(self) -> str:
        size = f" {100 * self.across:g} cm across" if self.across else ""
        around = f" around the {words_of(self.around)}" if self.around else ""
        return f"{self.said} on a circle{size}{around}"

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.who, self.around) if self.around else self.who

    def _middle(self, points: Vector, blocks: Blocks) -> Vector:
        return blocks[self.around] if self.around else fitted(points)

    def reward(self, blocks: Blocks) -> float:
        if not there(self.names, blocks):
            return 0.0
        points = np.array([blocks[name] for name in self.who])
        gaps = points - self._middle(points, blocks)
        far = np.hypot(gaps[:, 0], gaps[:, 1])
        angles = np.sort(np.arctan2(gaps[:, 1], gaps[:, 0]))
        widest = np.diff(angles, append=angles[0] + 2 * np.pi).max()
        good = int((np.abs(far - far.mean()) < OFF).sum())
        whole = far.mean() >= LEAST and widest <= UNEVEN * 2 * np.pi / len(points)
        whole = whole and (not self.across or abs(2 * far.mean() - self.across) < SIZE_OFF)
        return (good + bool(whole)) / (len(points) + 1)

    def wanted(self, blocks: Blocks) -> Places:
        here = [name for name in self.who if name in blocks]
        if len(here) < 3 or (self.around and self.around not in blocks):
            return {}
        points = np.array([blocks[name] for name in here])
        middle = blocks[self.around] if self.around else points.mean(0)
        least = max(LEAST + 0.015, ROOM * len(here) / (2 * np.pi))
        radius = max(float(np.linalg.norm(points - middle, axis=1).mean()), least)
        radius = self.across / 2 if self.across else min(radius, max(0.13, least))
        return dict(zip(here, polygon(points, middle, radius), strict=True))
