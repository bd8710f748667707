"""The held-out clips on which video models are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from video.latent.samples import HeldOut, cut
from video.latent.store import FrameStore
from vlp.errors import UsageError


@dataclass(frozen=True, eq=False)
class BenchClips:
    """N clips of a dataset, the same for every model."""

    clips: HeldOut
    starts: NDArray[np.int64]
    """[N] frames at which they begin."""
    fresh: NDArray[np.bool_]
    """[N] whether a clip begins where its words do, so that it may reach what they ask for."""


def choose(store: FrameStore, *, frames: int, stride: int, count: int, seed: int) -> BenchClips:
    """Clips that begin with their words, in an order of the seed; where there are too few, others besides.

    Raises UsageError where no subgoal has a step left.
    """
    rng, ends = np.random.default_rng(seed), store.ends()[:, 0]
    whole = ends - np.arange(len(store)) > stride
    begin = np.zeros(len(store), bool)
    begin[store.start] = True
    begin[ends[ends < len(store)]] = True
    first = rng.permutation(np.flatnonzero(begin & whole))[:count]
    rest = rng.permutation(np.flatnonzero(~begin & whole))[: count - len(first)]
    starts = np.concatenate([first, rest]).astype(np.int64)
    if not len(starts):
        raise UsageError(f"data: expected episodes of more than {stride} frames, got none; give longer ones")
    fresh = np.arange(len(starts)) < len(first)
    return BenchClips(cut(store, starts, frames=frames, stride=stride), starts, fresh)
