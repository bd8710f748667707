"""Swapped: each of two blocks where the other stood when it was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.tabletop.goals.relations.base import Blocks, Places, apart, listed

REACHED: Final = 0.04
"""Metres from where the other stood."""
Point = tuple[float, float]


@dataclass(frozen=True)
class Swapped:
    """Reward: the share of the two that are less than 0.04 m from where the other stood. Raises ValueError
    for one block with itself."""

    pair: tuple[str, str]
    stood: tuple[Point, Point]
    """(x, y) metres of the two when it was asked."""

    def __post_init__(self) -> None:
        if self.pair[0] == self.pair[1]:
            raise ValueError(f"expected two different blocks to swap, got {listed(self.pair[:1])} twice")

    @property
    def words(self) -> str:
        return f"{listed(self.pair)} swapped (each where the other was)"

    @property
    def names(self) -> tuple[str, ...]:
        return self.pair

    def _ends(self) -> Places:
        return {self.pair[0]: np.array(self.stood[1]), self.pair[1]: np.array(self.stood[0])}

    def reward(self, blocks: Blocks) -> float:
        ends = self._ends()
        return sum(n in blocks and apart(blocks[n], end) < REACHED for n, end in ends.items()) / 2

    def wanted(self, blocks: Blocks) -> Places:
        far = {n: end for n, end in self._ends().items() if n in blocks}
        return {n: end for n, end in far.items() if apart(blocks[n], end) > REACHED - 0.015}
