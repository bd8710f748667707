"""Training of the sprite renderer on pictures and the slots that made them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.learning.trainer import Batch
from video.tabletop.renderer import SlotRenderer


def batches(
    pictures: NDArray[np.uint8], slots: NDArray[np.float32], batch_size: int, seed: int
) -> Iterator[Batch]:
    """Random batches for ever."""
    rng = np.random.default_rng(seed)
    while True:
        chosen = rng.integers(0, len(pictures), batch_size)
        frames = torch.from_numpy(pictures[chosen]).permute(0, 3, 1, 2).float() / 255
        yield {"pictures": frames, "slots": torch.from_numpy(slots[chosen])}


def loss(model: SlotRenderer, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Mean absolute and squared error of the whole picture; the board is most of it, so it is scaled up."""
    error = model(batch["slots"]) - batch["pictures"]
    value = 10 * error.abs().mean() + 10 * (error**2).mean()
    return value, {"mean_error": float(error.detach().abs().mean())}
