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

from tasks.data.layout import DatasetError
from video.latent.autoencoder import encode
from video.latent.growing import GrowingArray
from video.latent.store import FrameStore, NoPictures

ABOUT: Final = "about.json"
VALUES: Final = "values.npy"
THERE: Final = "there.npy"


class SeenOtherwise(DatasetError):
    """Latents of another autoencoder, of pictures that were not kept."""


class Latents:
    """Indexed like an array [F, C, h, w]; kept as bf16, in memory or in files that processes share.

    Args:
        model: the trained autoencoder; another one forgets what was kept.
        folder: where latents are kept; None: in memory.
    """

    def __init__(self, model: Any, store: FrameStore, folder: Path | None = None) -> None:
        self._model, self._store = model.eval(), store
        blank = np.zeros((1, *store.frames.shape[1:]), np.uint8)
        shape = (len(store), *encode(self._model, blank).shape[1:])
        self._values: NDArray[np.int16]
        """The bits of bf16, which NumPy does not know."""
        self._there: NDArray[np.bool_]
        if folder is None:
            self._values, self._there = np.zeros(shape, np.int16), np.zeros(len(store), bool)
        else:
            about = {"digest": _digest(model), "shape": list(shape)}
            if isinstance(store.frames, NoPictures) and not _holds(folder, about):
                raise SeenOtherwise(
                    f"expected latents of this autoencoder in {folder}, got another's, and no pictures to "
                    "see anew; give another --cache"
                )
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
        return _bits(self._model, self._store.frames, frames)


class SeenLatents:
    """What an autoencoder sees in pictures as they come, kept where `Latents` will find it.

    Args:
        model: the trained autoencoder.
        folder: see `Latents`.
    """

    def __init__(self, model: Any, folder: Path) -> None:
        self._model, self._folder = model.eval(), folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ABOUT).unlink(missing_ok=True)
        self._values = GrowingArray(folder / VALUES)
        self._shape: tuple[int, ...] = ()
        self._count = 0

    def add(self, rows: NDArray[np.uint8]) -> None:
        """Pictures [N, H, W, 3]."""
        seen = _bits(self._model, rows, np.arange(len(rows))).view(torch.int16).numpy()
        self._values.add(seen)
        self._shape, self._count = seen.shape[1:], self._count + len(seen)

    def close(self) -> None:
        """All are there."""
        self._values.close()
        np.save(self._folder / THERE, np.ones(self._count, bool))
        about = {"digest": _digest(self._model), "shape": [self._count, *self._shape]}
        (self._folder / ABOUT).write_text(json.dumps(about) + "\n", encoding="utf-8")


def _bits(model: Any, pictures: Any, some: NDArray[np.int64]) -> Tensor:
    """Latents bf16 [N, C, h, w] of some of the pictures."""
    parts = np.array_split(some, -(-len(some) // 64))
    return torch.cat([encode(model, pictures[part]).bfloat16().cpu() for part in parts])


def _holds(folder: Path, about: dict[str, Any]) -> bool:
    path = folder / ABOUT
    return path.is_file() and json.loads(path.read_text(encoding="utf-8")) == about


def _opened(folder: Path, about: dict[str, Any]) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """The files of a folder, made anew where they are of another autoencoder or other frames."""
    path = folder / ABOUT
    if not _holds(folder, about):
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
