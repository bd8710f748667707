"""Statistics of a dataset's columns, gathered episode by episode.

Merging follows Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
sample variances" (1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Moments:
    """Statistics of N rows of D values that can be merged; NaN values do not count."""

    rows: int
    seen: NDArray[np.int64]
    """[D], how many values are not NaN."""
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]
    """Sum of squared distances to the mean."""
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.float64], *, rows: int) -> Moments:
        """The statistics of values [N, D], which come from so many rows of the dataset."""
        present = ~np.isnan(values)
        seen = present.sum(0)
        mean = np.where(present, values, 0.0).sum(0) / np.maximum(seen, 1)
        squares = (np.where(present, values - mean, 0.0) ** 2).sum(0)
        low = np.where(present, values, np.inf).min(0)
        return cls(rows, seen, mean, squares, low, np.where(present, values, -np.inf).max(0))

    def merged(self, other: Moments) -> Moments:
        """The statistics of both sets of rows together."""
        seen = self.seen + other.seen
        share = other.seen / np.maximum(seen, 1)
        step = other.mean - self.mean
        squares = self.squares + other.squares + step**2 * self.seen * share
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return Moments(self.rows + other.rows, seen, self.mean + step * share, squares, low, high)

    def as_lists(self, shape: Sequence[int]) -> dict[str, Any]:
        """LeRobot's statistics; a value never seen counts as 0, since JSON has no NaN."""
        std = np.sqrt(self.squares / np.maximum(self.seen, 1))
        values = {"min": self.low, "max": self.high, "mean": self.mean, "std": std}
        lists = {key: np.where(self.seen > 0, v, 0.0).reshape(shape).tolist() for key, v in values.items()}
        return {**lists, "count": [self.rows]}
