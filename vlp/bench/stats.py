"""Intervals of shares and of means."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


def wilson(successes: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """The 95% score interval of a proportion (Wilson, 1927)."""
    if not trials:
        return 0.0, 1.0
    share = successes / trials
    base = 1 + z * z / trials
    middle = (share + z * z / (2 * trials)) / base
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / base
    return round(middle - half, 4), round(middle + half, 4)


def bootstrap(values: Sequence[float], seed: int = 0, draws: int = 2000) -> tuple[float, float]:
    """The 95% percentile interval of a mean (Efron, 1979)."""
    data = np.asarray(values, float)
    means = np.random.default_rng(seed).choice(data, (draws, len(data))).mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return round(float(low), 4), round(float(high), 4)


def share(flags: Sequence[bool]) -> dict[str, object]:
    """A proportion with its interval, as it stands in a result file."""
    hits = int(np.sum(flags))
    return {
        "share": round(hits / max(1, len(flags)), 4),
        "of": len(flags),
        "interval_95": wilson(hits, len(flags)),
    }


def average(values: Sequence[float]) -> dict[str, object]:
    """A mean with its interval, as it stands in a result file; of no values, none."""
    if not len(values):
        return {"mean": None, "of": 0}
    return {"mean": round(float(np.mean(values)), 4), "of": len(values), "interval_95": bootstrap(values)}
