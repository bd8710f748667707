"""Left of, right of, above and below: every one of some blocks on one side of every one of others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tasks.tabletop.goals.relations.base import Blocks, Places, Vector
from tasks.tabletop.world.board import DIRECTIONS

CLEARLY: Final = 0.03
"""Metres that a block must lie farther to that side."""
WANTED: Final = 0.05
STEEP: Final = 0.8
"""Metres to the side a metre beside it that are wanted, where one block is the measure."""
SAID: Final = {"left": "left of", "right": "right of", "up": "above", "down": "below"}


@dataclass(frozen=True)
class Side:
    """Reward: the share of pairs in which the block lies at least 0.03 m farther to that side than the other;
    where the other is one block alone, also farther to that side than off it. Raises ValueError for an
    unknown direction."""

    who: tuple[str, ...]
    direction: str
    others: tuple[str, ...]
    said: str = field(default="", compare=False)
    others_said: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.direction not in SAID:
            raise ValueError(f"expected a direction among {', '.join(SAID)}; got {self.direction!r:.80}")

    @property
    def words(self) -> str:
        return f"{self.said} {SAID[self.direction]} {self.others_said}"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.who, *self.others)))

    @property
    def _way(self) -> Vector:
        return np.array(DIRECTIONS[self.direction])

    def _pairs(self) -> list[tuple[str, str]]:
        return [(name, other) for name in self.who for other in self.others if name != other]

    def _holds(self, gap: Vector) -> bool:
        to_side = float(gap @ self._way)
        beside = abs(float(gap @ self._way[::-1]))
        return to_side >= CLEARLY and (len(self.others) > 1 or beside <= to_side)

    def reward(self, blocks: Blocks) -> float:
        pairs = self._pairs()
        good = [
            (a, b) for a, b in pairs if a in blocks and b in blocks and self._holds(blocks[a] - blocks[b])
        ]
        return len(good) / len(pairs) if pairs else 0.0

    def wanted(self, blocks: Blocks) -> Places:
        found: Places = {}
        for name, other in self._pairs():
            if name not in blocks or other not in blocks:
                continue
            here = found.get(name, blocks[name])
            short = WANTED - float((here - blocks[other]) @ self._way)
            if short > 0:
                # Both give way, so that neither is driven over the edge.
                found[name] = here + self._way * short * 0.6
                found[other] = found.get(other, blocks[other]) - self._way * short * 0.4
            elif len(self.others) == 1:
                across, gap = np.abs(self._way[::-1]), here - blocks[other]
                beside, most = float(gap @ across), STEEP * float(gap @ self._way)
                found[name] = here - across * (beside - float(np.clip(beside, -most, most)))
        return found
