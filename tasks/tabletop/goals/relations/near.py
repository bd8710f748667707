"""Near: each of some blocks by one of others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tasks.tabletop.goals.push import JOINED
from tasks.tabletop.goals.relations.base import Blocks, Places, apart, share

NEAR: Final = JOINED
"""Metres between centres, 0.08."""
CLOSE: Final = 0.062
"""Metres at which a block is wanted: two of them touch at some 0.04."""


@dataclass(frozen=True)
class Near:
    """Reward: the share of the blocks that are less than 0.08 m from one of the others."""

    who: tuple[str, ...]
    others: tuple[str, ...]
    said: str = field(default="", compare=False)
    others_said: str = field(default="", compare=False)

    @property
    def words(self) -> str:
        return f"{self.said} less than 8 cm from {self.others_said}"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.who, *self.others)))

    def _nearest(self, name: str, blocks: Blocks) -> str | None:
        found = [other for other in self.others if other in blocks and other != name]
        return min(found, key=lambda other: apart(blocks[name], blocks[other]), default=None)

    def _far(self, blocks: Blocks, most: float) -> dict[str, str]:
        """Those farther than that from the nearest, and which that is."""
        near = {name: self._nearest(name, blocks) for name in self.who if name in blocks}
        return {n: o for n, o in near.items() if o and apart(blocks[n], blocks[o]) >= most}

    def reward(self, blocks: Blocks) -> float:
        far = self._far(blocks, NEAR)
        good = [n for n in self.who if n in blocks and n not in far and self._nearest(n, blocks)]
        return share(good, self.who)

    def wanted(self, blocks: Blocks) -> Places:
        far = self._far(blocks, CLOSE + 0.004)
        return {
            name: blocks[other]
            + (blocks[name] - blocks[other]) * CLOSE / max(apart(blocks[name], blocks[other]), 1e-9)
            for name, other in far.items()
        }
