"""A share of a store's episodes set apart, never to be trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from video.latent.clips import Frames
from video.latent.store import FrameStore

SHARE: Final = 0.05
"""Of the episodes, that are held out where no other dataset is given for it."""


class _Some:
    """Frames of a larger array that stays on disk, by numbers of their own, as FrameStore wants them."""

    def __init__(self, whole: NDArray[np.uint8], numbers: NDArray[np.int64]) -> None:
        self._whole, self.numbers = whole, numbers
        self.shape = (len(numbers), *whole.shape[1:])
        self.dtype = whole.dtype

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: Any) -> NDArray[np.uint8]:
        return np.asarray(self._whole[self.numbers[index]])


class _SomeLatents:
    """Latents of the same frames by the same numbers."""

    def __init__(self, whole: Frames, numbers: NDArray[np.int64]) -> None:
        self._whole, self._numbers = whole, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: NDArray[np.int64]) -> Tensor:
        return self._whole[self._numbers[index]]


def latents_of(whole: Frames, store: FrameStore) -> Frames:
    """Of a store's latents those of a part of it, or all where it is no part."""
    frames: Any = store.frames
    return _SomeLatents(whole, frames.numbers) if isinstance(frames, _Some) else whole


def split(store: FrameStore, share: float = SHARE) -> tuple[FrameStore, FrameStore | None]:
    """What is trained on, and what is held out: episodes spread evenly over the dataset, at least one.

    None where there is only one episode, which is then all trained on.
    """
    count = len(store.start)
    apart = max(1, round(share * count))
    if count < 2 or share <= 0:
        return store, None
    held = np.zeros(count, bool)
    held[((np.arange(apart) + 0.5) * count / apart).astype(int)] = True
    return part(store, ~held), part(store, held)


def part(store: FrameStore, chosen: NDArray[np.bool_]) -> FrameStore:
    """The episodes of a store for which `chosen` [E] is True, one after another."""
    length = store.stop - store.start
    numbers = np.flatnonzero(np.repeat(chosen, length))
    stop = np.cumsum(length[chosen])
    return replace(
        store,
        frames=cast(Any, _Some(store.frames, numbers)),
        actions=store.actions[numbers],
        acted=store.acted[numbers],
        start=stop - length[chosen],
        stop=stop,
        success=store.success[chosen],
        text=store.text[numbers],
    )
