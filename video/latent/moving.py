"""Pictures moved about: where there are few of them, what is learned must not hang on a single cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

SCARCE: Final = 50_000
"""Clips of a dataset, below which its pictures are moved about in training."""
MOST: Final = 1
"""Cells, at most, each way."""


def moved_about(latents: Tensor, rng: np.random.Generator) -> Tensor:
    """Latents [N, T, C, h, w], the T of each alike, with their edges repeated (random shifts, Yarats et al.,
    "Image augmentation is all you need", 2021)."""
    height, width = latents.shape[-2:]
    wide = F.pad(latents.flatten(1, 2).float(), (MOST,) * 4, mode="replicate")
    places = rng.integers(0, 2 * MOST + 1, (len(latents), 2))
    moved = [
        one[:, row : row + height, column : column + width]
        for one, (row, column) in zip(wide, places, strict=True)
    ]
    return torch.stack(moved).reshape(latents.shape)


def scarce(batches: Iterator[dict[str, Tensor]], seed: int) -> Iterator[dict[str, Tensor]]:
    """Batches of clips whose latents are moved about."""
    rng = np.random.default_rng(seed)
    for batch in batches:
        yield {**batch, "latents": moved_about(batch["latents"], rng)}
