"""What an expert did from where a policy got, learned from beside the demonstrations."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import torch
from torch import Tensor

from tasks.data.layout import DatasetError
from video.latent.clips import LatentClips, Scale
from video.latent.latents import Latents, SeenLatents, SeenOtherwise
from video.latent.store import FrameStore, pack

FOLDER: Final = "corrected"
"""Of a model's folder."""


class Samples(Protocol):
    """Something that batches are drawn from."""

    def batches(self, size: int, seed: int) -> Iterator[dict[str, Tensor]]: ...


class ClipSamples(Samples, Protocol):
    """What the parts of the model of video and action are trained on."""

    scale: Scale

    def __len__(self) -> int: ...

    @property
    def acted(self) -> bool: ...


def corrections(
    roots: Sequence[Path],
    folder: Path,
    eye: Any,
    beside: FrameStore,
    *,
    camera: str | None = None,
    any_rate: bool = False,
    report: Callable[[str], None] = print,
) -> tuple[FrameStore, Latents]:
    """Frames and latents of datasets of corrections, packed once into a model's folder; of `any_rate` where
    neither actions nor clips are learned from them.

    Raises DatasetError for pictures or actions that are not like those that they are learned beside.
    """
    told = "\n".join(str(root.resolve()) for root in roots)
    place = folder / FOLDER / hashlib.sha256(told.encode()).hexdigest()[:12]  # each round has more of them
    try:
        store, latents = _seen(roots, place, eye, camera, report)
    except SeenOtherwise:  # by an autoencoder that has learned on since
        shutil.rmtree(place)
        store, latents = _seen(roots, place, eye, camera, report)
    like, got = ((one.frames.shape[1:], one.fps, one.actions.shape[1]) for one in (beside, store))
    if like != got and not (any_rate and like[0] == got[0]):
        raise DatasetError(
            f"expected corrected data of pictures, rate and width of actions {like}, got {got} in "
            f"{roots[0]}; give some of the same robot and camera"
        )
    return store, latents


def _seen(
    roots: Sequence[Path], place: Path, eye: Any, camera: str | None, report: Callable[[str], None]
) -> tuple[FrameStore, Latents]:
    """Pictures themselves are not kept."""
    kept = place / "latents"
    store = pack(
        roots, place / "store", camera=camera, report=report, see=lambda: SeenLatents(eye, kept),
        pictures=False,
    )  # fmt: skip
    return store, Latents(eye, store, kept)


def drawn(sources: Sequence[Samples], size: int, seed: int) -> Iterator[dict[str, Tensor]]:
    """Batches to which each source gives as many samples."""
    shares = [size * (k + 1) // len(sources) - size * k // len(sources) for k in range(len(sources))]
    each = [
        source.batches(share, seed + k) for k, (source, share) in enumerate(zip(sources, shares, strict=True))
    ]
    for parts in zip(*each, strict=True):
        yield {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


class CorrectedClips:
    """Clips of demonstrations and of corrections, as many of each; scales are of the first."""

    def __init__(self, first: LatentClips, other: LatentClips) -> None:
        self._both, self.scale = (first, other), first.scale
        other.scale = first.scale

    def __len__(self) -> int:
        return sum(len(clips) for clips in self._both)

    @property
    def acted(self) -> bool:
        """Whether there are actions anywhere."""
        return any(clips.acted for clips in self._both)

    def batches(self, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """Random clips for ever, see LatentClips."""
        return drawn(self._both, size, seed)
