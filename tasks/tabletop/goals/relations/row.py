"""In a row in a given order, from left to right or from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tasks.tabletop.goals.push import LINE_SPACING
from tasks.tabletop.goals.relations.base import Blocks, Places, listed, spaced, there

ORDERS: Final = {"left_to_right": 1, "top_to_bottom": 0}
"""The axis along which a row runs."""
THICK: Final = 0.06
"""Metres across the row within which all blocks lie."""
ROOM: Final = 0.055


@dataclass(frozen=True)
class Row:
    """Reward: the share of what is asked: that each block but the first stands at least 0.035 m farther along
    than the one before it, and that all lie within a strip 0.06 m wide. Raises ValueError for an unknown
    order, and for a row of less than two."""

    order: tuple[str, ...]
    along: str = "left_to_right"

    def __post_init__(self) -> None:
        if self.along not in ORDERS or len(self.order) < 2 or len(set(self.order)) < len(self.order):
            raise ValueError(
                f"expected a row of two or more different blocks, {' or '.join(ORDERS)}; "
                f"got {len(self.order)}, {self.along!r:.40}"
            )

    @property
    def words(self) -> str:
        return f"{listed(self.order)} in a row in this order, {self.along.replace('_', ' ')}"

    @property
    def names(self) -> tuple[str, ...]:
        return self.order

    def reward(self, blocks: Blocks) -> float:
        if not there(self.order, blocks):
            return 0.0
        axis = ORDERS[self.along]
        places = [blocks[name] for name in self.order]
        good = sum(b[axis] - a[axis] >= LINE_SPACING for a, b in pairwise(places))
        across = [place[1 - axis] for place in places]
        good += max(across) - min(across) < THICK
        return float(good) / len(places)

    def wanted(self, blocks: Blocks) -> Places:
        here = [name for name in self.order if name in blocks]
        if not here:
            return {}
        axis = ORDERS[self.along]
        along = spaced([float(blocks[name][axis]) for name in here], ROOM)
        across = sum(float(blocks[name][1 - axis]) for name in here) / len(here)
        found: Places = {}
        for name, place in zip(here, along, strict=True):
            found[name] = blocks[name].astype(float)
            found[name][axis] = place
            beside = found[name][1 - axis] - across
            found[name][1 - axis] = across + min(max(beside, -0.015), 0.015)
        return found
