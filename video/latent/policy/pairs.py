"""What the policy learns from: two frames of an episode, and what was done between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from video.latent.clips import Frames, Scale
from video.latent.policy.network import REACH, LatentPolicy
from video.latent.store import FrameStore

BLUR = 0.3
"""Largest standard deviation of what is added to the wanted frame: imagined ones are never quite right."""


class Pairs:
    """Pairs of a store's frames in hindsight: whatever was reached was wanted (Andrychowicz et al., 2017)."""

    def __init__(
        self, store: FrameStore, latents: Frames, scale: Scale, *, reach: int = REACH, chunk: int = 6
    ) -> None:
        self._store, self._latents, self._scale = store, latents, scale
        self._reach, self._chunk = reach, chunk
        self._stop = np.repeat(store.stop, store.stop - store.start)
        numbers = np.arange(len(store))
        self._starts = numbers[(self._stop - numbers > 1) & store.acted]
        if not len(self._starts):
            raise ValueError("data: expected episodes with actions, got none; a policy needs some")

    def at(self, starts: NDArray[np.int64], left: NDArray[np.int64]) -> dict[str, Tensor]:
        """now, wanted [N, C, h, w], left [N], actions [N, k, A] of unit scale, and there [N, k]: whether an
        action lies between the two."""
        stop, scale = self._stop[starts], self._scale
        left = np.minimum(left, stop - 1 - starts)
        seen = self._latents[np.stack([starts, starts + left], 1)].float()
        seen = (seen - scale.latent_mean) / scale.latent_std
        steps = starts[:, None] + np.arange(self._chunk)
        acts = torch.from_numpy(self._store.actions[np.minimum(steps, len(self._store) - 1)])
        return {
            "now": seen[:, 0],
            "wanted": seen[:, 1],
            "left": torch.from_numpy(left),
            "actions": (acts - scale.action_mean) / scale.action_std,
            "there": torch.from_numpy(np.arange(self._chunk) < left[:, None]),
        }

    def batches(self, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """Random pairs for ever, half of them at most a quarter as far apart as they may be."""
        rng = np.random.default_rng(seed)
        while True:
            most = np.where(rng.random(size) < 0.5, -(-self._reach // 4), self._reach)
            yield self.at(rng.choice(self._starts, size), rng.integers(1, most + 1))


def loss(model: LatentPolicy, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Absolute and squared error of the actions between the two frames; wanted frames are blurred."""
    wanted = batch["wanted"]
    blur = BLUR * torch.rand(len(wanted), 1, 1, 1, device=wanted.device)
    guess: Any = model(batch["now"], wanted + blur * torch.randn_like(wanted), batch["left"])
    there = batch["there"][..., None]
    gap = (guess.float() - batch["actions"]) * there
    count = there.sum() * gap.shape[-1]
    error = (gap.abs().sum() + (gap**2).sum()) / count
    first = (gap[:, 0].detach() ** 2).mean()
    return error, {"first": float(first)}
