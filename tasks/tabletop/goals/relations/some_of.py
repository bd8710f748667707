"""Some of: a relation of any so many of a set's blocks, "two of the red blocks in the left half"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.tabletop.goals.relations.base import Blocks, Places, Relation

MOST: Final = 120
"""Ways to choose that are looked at."""


@dataclass(frozen=True)
class SomeOf:
    """Reward: that of the best choice. Raises ValueError for none, or over 120, to choose from."""

    choices: tuple[Relation, ...]
    """The relation of each set of so many blocks."""

    def __post_init__(self) -> None:
        if not 0 < len(self.choices) <= MOST:
            raise ValueError(
                f"expected up to {MOST} ways to choose so many blocks, got {len(self.choices)}; name them"
            )

    @property
    def words(self) -> str:
        return self.choices[0].words

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for choice in self.choices for name in choice.names))

    def reward(self, blocks: Blocks) -> float:
        return max(choice.reward(blocks) for choice in self.choices)

    def wanted(self, blocks: Blocks) -> Places:
        """Those of the choice that takes the least way."""
        found = [choice.wanted(blocks) for choice in self.choices]
        ways = [sum(float(np.hypot(*(xy - blocks[n]))) for n, xy in places.items()) for places in found]
        return found[int(np.argmin(ways))]
