"""Moments of a dataset drawn so that what is rarely said is heard oftener than it is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

SHARE: Final = 0.5
"""Power of how often a text is said with which it is drawn (0.5 to 0.7 for languages in Conneau and Lample,
"Cross-lingual language model pretraining", 2019). 1: as it is said."""

Draw = Callable[[int], NDArray[np.int64]]
"""From a number to so many of the moments."""


def drawn_by_text(
    moments: NDArray[np.int64], texts: NDArray[np.int64], rng: np.random.Generator, share: float = SHARE
) -> Draw:
    """How to draw from moments [N] at which these texts [N] are told."""
    often = np.bincount(texts).astype(float)
    until = np.cumsum(often[texts] ** (share - 1))

    def draw(count: int) -> NDArray[np.int64]:
        places = np.searchsorted(until, rng.random(count) * until[-1], side="right")
        return np.asarray(moments[places], np.int64)

    return draw
