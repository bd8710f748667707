"""Between: on the way from one block to another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tasks.tabletop.goals.relations.base import Blocks, Places, Vector, apart, share, there

BESIDE: Final = 0.04
"""Metres that a block may be beside the straight way."""
ENDS: Final = (0.2, 0.8)
"""Shares of the way between which it must be."""
ROOM: Final = 0.12
"""Metres between the two ends for one block, and half as much for each that is added."""


def on_way(xy: Vector, begin: Vector, end: Vector) -> tuple[float, float]:
    """Where a point is along a straight way (0..1) and how far beside it, in metres."""
    way = end - begin
    length = max(float(way @ way), 1e-12)
    along = float((xy - begin) @ way) / length
    return along, apart(xy, begin + along * way)


@dataclass(frozen=True)
class Between:
    """Reward: the share of the blocks that are between the two, within 0.04 m of the straight way."""

    who: tuple[str, ...]
    ends: tuple[str, str]
    said: str = field(default="", compare=False)
    ends_said: str = field(default="", compare=False)

    @property
    def words(self) -> str:
        return f"{self.said} between {self.ends_said}"

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.who, *self.ends)

    def _holds(self, name: str, blocks: Blocks) -> bool:
        along, beside = on_way(blocks[name], *(blocks[end] for end in self.ends))
        return ENDS[0] <= along <= ENDS[1] and beside < BESIDE

    def reward(self, blocks: Blocks) -> float:
        if not there(self.ends, blocks):
            return 0.0
        return share([n for n in self.who if n in blocks and self._holds(n, blocks)], self.who)

    def wanted(self, blocks: Blocks) -> Places:
        if not there(self.ends, blocks):
            return {}
        begin, end = (blocks[name] for name in self.ends)
        found: Places = {}
        need = ROOM + 0.06 * (len(self.who) - 1)
        if (far := apart(begin, end)) < need:
            out = (end - begin) / max(far, 1e-9) * (need - far) / 2
            found |= {self.ends[0]: begin - out, self.ends[1]: end + out}
        for name in self.who:
            if name in blocks:
                along, beside = on_way(blocks[name], begin, end)
                if beside > BESIDE - 0.015 or not ENDS[0] + 0.1 <= along <= ENDS[1] - 0.1:
                    at = float(np.clip(along, ENDS[0] + 0.12, ENDS[1] - 0.12))
                    found[name] = begin + at * (end - begin)
        return found
