"""Latents of a store's frames, encoded when they are first asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.learning.trainer import keep
from video.latent.autoencoder import encode
from video.latent.store import FrameStore


class Latents:
    """Indexed like an array [F, C, h, w]; kept in memory as bf16, and on disk between runs by `save`.

    Args:
        model: the trained autoencoder; another one forgets what was kept.
        path: where latents are kept; None: nowhere.
    """

    def __init__(self, model: Any, store: FrameStore, path: Path | None = None) -> None:
        self._model, self._store, self._path = model.eval(), store, path
        self._digest = _digest(model)
        one = self._encode(np.zeros(1, np.int64))
        self._kept = torch.zeros((len(store), *one.shape[1:]), dtype=torch.bfloat16)
        self._there = np.zeros(len(store), bool)
        if path is not None and path.is_file():
            self._restore(path)

    @property
    def shape(self) -> tuple[int, int, int]:
        """[C, h, w] of one."""
        channels, height, width = self._kept.shape[1:]
        return channels, height, width

    def __len__(self) -> int:
        return len(self._store)

    def __getitem__(self, index: NDArray[np.int64]) -> Tensor:
        """Of frames [...] latents bf16 [..., C, h, w]."""
        missing = np.unique(index[~self._there[index]])
        if len(missing):
            self._kept[missing] = self._encode(missing)
            self._there[missing] = True
        return self._kept[torch.from_numpy(index)]

    def _encode(self, frames: NDArray[np.int64]) -> Tensor:
        parts = np.array_split(frames, -(-len(frames) // 64))
        return torch.cat([encode(self._model, self._store.frames[some]).bfloat16().cpu() for some in parts])

    def save(self) -> None:
        """Keep on disk what was encoded, whole or not at all."""
        if self._path is not None:
            state = {"digest": self._digest, "latents": self._kept, "there": torch.from_numpy(self._there)}
            keep(state, self._path)

    def _restore(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        if state["digest"] == self._digest and state["latents"].shape == self._kept.shape:
            self._kept, self._there = state["latents"], state["there"].numpy()


def _digest(model: Any) -> str:
    digest = hashlib.sha256()
    for value in model.state_dict().values():
        digest.update(value.cpu().float().numpy().tobytes())
    return digest.hexdigest()
