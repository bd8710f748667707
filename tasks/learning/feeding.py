"""Batches for a GPU, which asks for them faster than one process can draw them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

Draw = Callable[[int], Iterator[Mapping[str, Tensor]]]
"""From a seed to batches for ever."""


class _Stream(IterableDataset[Mapping[str, Tensor]]):
    """What one worker draws; each has a seed of its own."""

    def __init__(self, draw: Draw, seed: int) -> None:
        self._draw, self._seed = draw, seed

    def __iter__(self) -> Iterator[Mapping[str, Tensor]]:
        info = get_worker_info()
        parts = (self._seed, 0 if info is None else 1 + info.id)
        return self._draw(int(np.random.SeedSequence(parts).generate_state(1)[0]))


def feed(draw: Draw, seed: int, workers: int) -> Iterator[Mapping[str, Tensor]]:
    """Batches for ever, drawn ahead by `workers` processes; with 0, here and when they are asked for.

    The processes are forked: what `draw` holds is shared, not copied.
    """
    if not workers:
        return draw(seed)
    return iter(
        DataLoader(
            _Stream(draw, seed),
            batch_size=None,
            num_workers=workers,
            prefetch_factor=4,
            multiprocessing_context="fork",
        )
    )
