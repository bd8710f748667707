"""Not moved: blocks where they stood when it was asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tasks.tabletop.goals.relations.base import Blocks, Places, apart, share

MOVED: Final = 0.02
"""Metres from where it stood beyond which a block has been moved; the camera is off by 2 mm, at times 13."""


@dataclass(frozen=True)
class NotMoved:
    """Reward: the share of the blocks that are less than 0.02 m from where they stood."""

    who: tuple[str, ...]
    stood: tuple[tuple[float, float], ...]
    """(x, y) metres of each when it was asked."""
    said: str = field(default="", compare=False)

    @property
    def words(self) -> str:
        return f"{self.said} not moved"

    @property
    def names(self) -> tuple[str, ...]:
        return self.who

    def _far(self, blocks: Blocks, most: float) -> Places:
        stood = {name: np.array(xy) for name, xy in zip(self.who, self.stood, strict=True)}
        return {n: xy for n, xy in stood.items() if n in blocks and apart(blocks[n], xy) >= most}

    def reward(self, blocks: Blocks) -> float:
        far = self._far(blocks, MOVED)
        return share([name for name in self.who if name in blocks and name not in far], self.who)

    def wanted(self, blocks: Blocks) -> Places:
        return self._far(blocks, 0.0)
