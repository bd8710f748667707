"""Latents of a store's frames, encoded when they are first asked for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor

from video.latent.autoencoder import encode
from video.latent.store import FrameStore

ABOUT: Final = "about.json"
VALUES: Final = "values.npy"
THERE: Final = "there.npy"


class Latents:
    """Indexed like an array [F, C, h, w]; kept as bf16, in memory or in files that processes share.

    Args:
        model: the trained autoencoder; another one forgets what was kept.
        folder: where latents are kept; None: in memory.
    """

    def __init__(self, model: Any, store: FrameStore, folder: Path | None = None) -> None:
        self._model, self._store = model.eval(), store
        one = self._encode(np.zeros(1, np.int64))
        shape = (len(store), *one.shape[1:])
        self._values: NDArray[np.int16]
        """The bits of bf16, which NumPy does not know."""
        self._there: NDArray[np.bool_]
        if folder is None:
            self._values, self._there = np.zeros(shape, np.int16), np.zeros(len(store), bool)
        else:
            about = {"digest": _digest(model), "shape": list(shape)}
            self._values, self._there = _opened(folder, about)

    @property
    def shape(self) -> tuple[int, int, int]:
        """[C, h, w] of one."""
        channels, height, width = self._values.shape[1:]
        return channels, height, width

    def __len__(self) -> int:
        return len(self._store)

    def __getitem__(self, index: NDArray[np.int64]) -> Tensor:
        """Of frames [...] latents bf16 [..., C, h, w]."""
        missing = np.unique(index[~self._there[index]])
        if len(missing):
            self._values[missing] = self._encode(missing).view(torch.int16).numpy()
            self._there[missing] = True  # last: a process that is killed in between leaves nothing false
        return torch.from_numpy(np.ascontiguousarray(self._values[index])).view(torch.bfloat16)

    def _encode(self, frames: NDArray[np.int64]) -> Tensor:
        parts = np.array_split(frames, -(-len(frames) // 64))
        return torch.cat([encode(self._model, self._store.frames[some]).bfloat16().cpu() for some in parts])


def _opened(folder: Path, about: dict[str, Any]) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """The files of a folder, made anew where they are of another autoencoder or other frames."""
    path = folder / ABOUT
    if not path.is_file() or json.loads(path.read_text(encoding="utf-8")) != about:
        path.unlink(missing_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        open_memmap(folder / VALUES, "w+", np.int16, tuple(about["shape"]))
        open_memmap(folder / THERE, "w+", np.bool_, (about["shape"][0],))
        path.write_text(json.dumps(about) + "\n", encoding="utf-8")
    return open_memmap(folder / VALUES, "r+"), open_memmap(folder / THERE, "r+")


def _digest(model: Any) -> str:
    digest = hashlib.sha256()
    for value in model.state_dict().values():
        digest.update(value.cpu().float().numpy().tobytes())
    return digest.hexdigest()
