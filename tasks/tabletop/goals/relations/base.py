"""Relation, the form that all have: its words, its reward 0..1, and the nearest places at which it holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.world.board import words_of

Vector = NDArray[np.float64]
Blocks = Mapping[str, Vector]
Places = dict[str, Vector]


class Relation(Protocol):
    """Something that is true of a board or not. `blocks` are centres [2] in metres of the blocks that are
    there; what it speaks of and is not there makes it untrue."""

    @property
    def words(self) -> str:
        """In plain words, such as "every star in the left half"."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The blocks that it speaks of."""
        ...

    def reward(self, blocks: Blocks) -> float:
        """How much of it is so, 0..1; 1 exactly when it is true."""
        ...

    def wanted(self, blocks: Blocks) -> Places:
        """Places [2] in metres, as near as may be to where its blocks stand, at which it is true with room to
        spare; only of those that would have to move."""
        ...


def listed(names: Sequence[str]) -> str:
    """Block kinds in words: "the red moon, the blue cube and the green star"."""
    named = [f"the {words_of(name)}" for name in names]
    return " and ".join(part for part in (", ".join(named[:-1]), named[-1]) if part)


def share(good: Collection[object], names: Collection[object]) -> float:
    """How many of `names` are good, 0..1; 1 where there are none."""
    return len(good) / len(names) if names else 1.0


def there(names: Sequence[str], blocks: Blocks) -> bool:
    """Whether all of these are on the board."""
    return all(name in blocks for name in names)


def apart(first: Vector, second: Vector) -> float:
    """Metres between two points [2]."""
    return float(np.hypot(*(first - second)))


def spaced(values: Sequence[float], gap: float) -> list[float]:
    """The numbers nearest to `values` (least squares) of which each is at least `gap` above the one before:
    isotonic regression by pooling adjacent violators (Barlow et al., 1972)."""
    pools: list[tuple[float, int]] = []
    for rank, value in enumerate(values):
        pools.append((value - rank * gap, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, m), (b, n) = pools[-2:]
            pools[-2:] = [((a * m + b * n) / (m + n), m + n)]
    level = [mean for mean, count in pools for _ in range(count)]
    return [mean + rank * gap for rank, mean in enumerate(level)]
