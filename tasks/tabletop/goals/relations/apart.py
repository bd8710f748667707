"""Apart: some blocks from each other, or from others."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

import numpy as np

from tasks.tabletop.goals.push import SEPARATION
from tasks.tabletop.goals.relations.base import Blocks, Places, apart

GAP: Final = SEPARATION
"""Metres between centres, 0.10."""
SPARE: Final = 0.012


@dataclass(frozen=True)
class Apart:
    """Reward: the share of pairs whose centres are at least 0.10 m apart: pairs of the blocks, or, where
    there are others, of a block with one of the others."""

    who: tuple[str, ...]
    others: tuple[str, ...] = ()
    said: str = field(default="", compare=False)
    others_said: str = field(default="", compare=False)

    @property
    def words(self) -> str:
        return f"{self.said} at least 10 cm from {self.others_said if self.others else 'each other'}"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.who, *self.others)))

    def _pairs(self) -> list[tuple[str, str]]:
        if not self.others:
            return list(combinations(self.who, 2))
        return [(name, other) for name in self.who for other in self.others if name != other]

    def reward(self, blocks: Blocks) -> float:
        pairs = self._pairs()
        if not pairs:
            return float(all(name in blocks for name in self.who))
        good = [1 for a, b in pairs if a in blocks and b in blocks and apart(blocks[a], blocks[b]) >= GAP]
        return len(good) / len(pairs)

    def wanted(self, blocks: Blocks) -> Places:
        found: Places = {}
        for name, other in self._pairs():
            if name not in blocks or other not in blocks:
                continue
            a, b = found.get(name, blocks[name]), found.get(other, blocks[other])
            far = apart(a, b)
            if far < GAP + SPARE:
                way = (a - b) / far if far > 1e-9 else np.array([1.0, 0.0])
                found[name] = a + way * (GAP + SPARE - far) / 2
                found[other] = b - way * (GAP + SPARE - far) / 2
        return found
