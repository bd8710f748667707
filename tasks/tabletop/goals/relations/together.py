"""Together: steps from block to block join all of some blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tasks.tabletop.goals.push import JOINED
from tasks.tabletop.goals.relations.base import Blocks, Places, apart, there

CLOSE: Final = 0.064
"""Metres of a step that is wanted."""


def clumps(names: tuple[str, ...], blocks: Blocks, step: float) -> list[list[str]]:
    """The blocks by which of them hang together by steps shorter than that, the largest first."""
    found: list[list[str]] = []
    for name in names:
        near = [c for c in found if any(apart(blocks[name], blocks[other]) < step for other in c)]
        found = [c for c in found if c not in near]
        found.append([*(other for c in near for other in c), name])
    return sorted(found, key=len, reverse=True)


def pulled(names: tuple[str, ...], blocks: Blocks) -> Places:
    """Every clump beside the first brought towards the nearest block of another, as a whole."""
    found = clumps(names, blocks, CLOSE + 0.004)
    wanted: Places = {}
    for clump in found[1:]:
        others = [name for name in names if name not in clump]
        far, one, other = min((apart(blocks[a], blocks[b]), a, b) for a in clump for b in others)
        step = (blocks[other] - blocks[one]) * (1.0 - CLOSE / max(far, 1e-9))
        wanted |= {name: blocks[name] + step for name in clump}
    return wanted


@dataclass(frozen=True)
class Together:
    """Reward: 1 less the share of the joints that are missing; steps are shorter than 0.08 m."""

    who: tuple[str, ...]
    said: str = field(default="", compare=False)

    @property
    def words(self) -> str:
        return f"{self.said} together (joined by gaps below 8 cm)"

    @property
    def names(self) -> tuple[str, ...]:
        return self.who

    def reward(self, blocks: Blocks) -> float:
        here = tuple(name for name in self.who if name in blocks)
        if len(self.who) < 2:
            return float(there(self.who, blocks))
        parts = len(clumps(here, blocks, JOINED)) + len(self.who) - len(here)
        return float(np.clip(1.0 - (parts - 1) / (len(self.who) - 1), 0.0, 1.0))

    def wanted(self, blocks: Blocks) -> Places:
        return pulled(tuple(name for name in self.who if name in blocks), blocks)
