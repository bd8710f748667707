"""Latents of a store in few small files, for a machine that has neither its videos nor what decodes them.

Of each episode every few frames are kept, and the last of every subgoal, so that clips can begin at each
frame that is kept. Latents are rounded to a twelfth of their channel's deviation, which is less than the
noise that the autoencoder was trained to draw through; differences from the frame before are packed by LZMA.
"""

from __future__ import annotations

import copy
import json
import lzma
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch
from diffusers import AutoencoderDC
from numpy.typing import NDArray
from torch import Tensor

from tasks.data.layout import DatasetError
from video.latent.clips import Frames, shortest
from video.latent.exposure import Exposure
from video.latent.samples import HeldOut
from video.latent.split import part
from video.latent.store import FrameStore

ABOUT: Final = "about.json"
STEPS: Final = "steps.npz"
HELD_OUT: Final = "held-out.xz"
EYE: Final = "autoencoder"
FILE_BYTES: Final = 15_000_000
"""Of one file; files of more than 16 MiB are not carried everywhere."""
_ROUNDED: Final = 12.0
"""Steps that a standard deviation has."""
_SPARE: Final = 6_000_000
"""Bytes for all that is no latent: actions, words, the autoencoder's weights, held-out clips."""


@dataclass(frozen=True, eq=False)
class Packed:
    """What a training needs."""

    store: FrameStore
    """Without its pictures."""
    latents: PackedLatents
    starts: NDArray[np.int64]
    """Frames at which clips can begin: all of theirs are there."""
    autoencoder: Any
    held: HeldOut
    size: tuple[int, int]


class PackedLatents:
    """Latents of the frames that were kept, by the store's numbers of frames; of others, the one before.

    Args:
        kept: [K] numbers of the frames that there are, ascending.
        latents: bf16 [K, C, h, w].
        frames: F, how many the store has.
    """

    def __init__(self, kept: NDArray[np.int64], latents: Tensor, frames: int) -> None:
        self._row = np.maximum(np.searchsorted(kept, np.arange(frames), side="right") - 1, 0)
        self._latents = latents

    def __len__(self) -> int:
        return len(self._row)

    def __getitem__(self, index: NDArray[np.int64]) -> Tensor:
        return self._latents[torch.from_numpy(self._row[index]).to(self._latents.device)]

    def to(self, device: str) -> PackedLatents:
        """The same on a device, where there is room for all of them."""
        made = copy.copy(self)
        made._latents = self._latents.to(device)
        return made


class _Unseen:
    """Frames of which nothing is known but their size."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape, self.dtype = shape, np.dtype(np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        raise DatasetError("expected latents to be enough, got a question for pictures; they are not packed")


def keep_frames(store: FrameStore, every: int, stride: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the frames that are kept, and of those among them at which clips can begin.

    They are counted from where a subgoal begins. A clip that is told the whole task may go on into the next
    one, where the frame that is wanted may be missing: then the one before stands for it.

    Raises ValueError unless `every` divides `stride`.
    """
    if every < 1 or stride % every:
        raise ValueError(f"every: expected a divisor of {stride}, got {every}; choose 1, {stride} or between")
    ends = store.ends()
    last = np.unique(ends[:, 0])  # one past each subgoal; the next begins there, and is counted from there
    begin = np.concatenate([[0], last[:-1]])[np.searchsorted(last, np.arange(len(store)), side="right")]
    own = (np.arange(len(store)) - begin) % every == 0
    kept = own.copy()
    kept[ends.ravel() - 1] = True
    return np.flatnonzero(kept), np.flatnonzero(
        own & (ends[:, 0] - np.arange(len(store)) > shortest(store.fps))
    )


def write(
    folder: Path,
    store: FrameStore,
    latents: Frames,
    autoencoder: Any,
    held: HeldOut,
    *,
    stride: int,
    every: int,
    most: int,
    report: Callable[[str], None] = print,
) -> int:
    """Pack into a folder; how many bytes it takes. Where that would be more than `most`, episodes are left
    out, evenly over the store."""
    folder.mkdir(parents=True, exist_ok=True)
    autoencoder.save_pretrained(folder / EYE)
    arrays: dict[str, NDArray[Any]] = {"first": held.first, "truth": held.truth, "actions": held.actions}
    _dump(folder / HELD_OUT, arrays)
    room = most - sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) - _SPARE // 3
    mean, step = _grid(latents)
    order = np.random.default_rng(0).permutation(len(store.start))
    blocks: list[tuple[int, bytes, int]] = []
    for done, episode in enumerate(order):
        one = part(store, np.arange(len(store.start)) == episode)
        frames = store.start[episode] + keep_frames(one, every, stride)[0]
        packed = lzma.compress(_rounded(latents[frames].float(), mean, step).tobytes(), preset=1)
        if room < len(packed):
            break
        room -= len(packed)
        blocks.append((int(episode), packed, len(frames)))
        if done % 100 == 99:
            report(f"{done + 1} of {len(order)} episodes packed")
    blocks.sort()
    chosen = np.zeros(len(store.start), bool)
    chosen[[episode for episode, _, _ in blocks]] = True
    files = _files(folder, blocks)
    some = part(store, chosen)
    columns = {name: getattr(some, name) for name in ("actions", "acted", "start", "stop", "success", "text")}
    np.savez_compressed(folder / STEPS, **columns)
    about = {
        "texts": list(store.texts), "fps": store.fps, "size": list(store.frames.shape[1:]), "every": every,
        "stride": stride, "mean": mean.flatten().tolist(), "step": step.flatten().tolist(), "files": files,
        "latent": list(latents[np.zeros(1, np.int64)].shape[1:]), "words": list(held.words),
    }  # fmt: skip
    if store.exposure is not None:
        about["exposure"] = store.exposure.as_dict()
    (folder / ABOUT).write_text(json.dumps(about) + "\n", encoding="utf-8")
    report(f"{int(chosen.sum())} of {len(chosen)} episodes, {sum(n for _, _, n in blocks)} frames packed")
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def read(folder: Path) -> Packed:
    """What `write` wrote. Raises DatasetError."""
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        with np.load(folder / STEPS) as data:
            columns = {name: data[name] for name in data.files}
        held = _load(folder / HELD_OUT)
        blocks = [block for name, lengths in about["files"] for block in _blocks(folder / name, lengths)]
        autoencoder = AutoencoderDC.from_pretrained(folder / EYE).float().eval()
    except (OSError, ValueError, KeyError, lzma.LZMAError) as error:
        raise DatasetError(f"expected packed latents in {folder}, got {error}; pack them anew") from error
    frames = int(columns["stop"][-1])
    store = FrameStore(
        frames=cast(Any, _Unseen((frames, *about["size"]))), texts=tuple(about["texts"]), fps=about["fps"],
        exposure=Exposure.read(about.get("exposure")), **columns,
    )  # fmt: skip
    kept, starts = keep_frames(store, about["every"], about["stride"])
    mean, step = (torch.tensor(about[name])[:, None, None] for name in ("mean", "step"))
    latents = torch.cat([_whole(block, about["latent"], mean, step) for block in blocks])
    if len(latents) != len(kept):
        raise DatasetError(f"expected {len(kept)} latents in {folder}, got {len(latents)}; pack them anew")
    clips = HeldOut(held["first"], held["truth"], tuple(about["words"]), held["actions"])
    packed = PackedLatents(kept, latents, frames)
    height, width = about["size"][:2]
    return Packed(store, packed, starts, autoencoder, clips, (height, width))


def _grid(latents: Frames) -> tuple[Tensor, Tensor]:
    """Mean and step of each channel [C, 1, 1]."""
    some = latents[np.linspace(0, len(latents) - 1, min(256, len(latents))).astype(np.int64)].float()
    return some.mean((0, 2, 3))[:, None, None], some.std((0, 2, 3))[:, None, None] / _ROUNDED


def _rounded(latents: Tensor, mean: Tensor, step: Tensor) -> NDArray[np.uint8]:
    """One episode's as differences from the frame before, modulo 256."""
    numbers = ((latents - mean) / step).round().clamp(-127, 127).to(torch.int16).numpy()
    return np.asarray(np.diff(numbers, axis=0, prepend=np.zeros_like(numbers[:1])) % 256, np.uint8)


def _whole(block: bytes, shape: list[int], mean: Tensor, step: Tensor) -> Tensor:
    moved = np.frombuffer(lzma.decompress(block), np.uint8).reshape(-1, *shape)
    numbers = np.cumsum(moved, axis=0, dtype=np.uint8).view(np.int8)
    return (torch.from_numpy(numbers.astype(np.float32)) * step + mean).bfloat16()


def _files(folder: Path, blocks: list[tuple[int, bytes, int]]) -> list[tuple[str, list[int]]]:
    """Blocks in files of a bearable size; their names, and the lengths of what is in them."""
    files: list[tuple[str, list[int]]] = []
    rest = [block for _, block, _ in blocks]
    while rest:
        some: list[bytes] = []
        while rest and (not some or sum(map(len, some)) + len(rest[0]) <= FILE_BYTES):
            some.append(rest.pop(0))
        name = f"latents-{len(files):03d}.bin"
        (folder / name).write_bytes(b"".join(some))
        files.append((name, [len(block) for block in some]))
    return files


def _blocks(path: Path, lengths: list[int]) -> list[bytes]:
    data, ends = path.read_bytes(), np.cumsum([0, *lengths])
    return [data[a:b] for a, b in pairwise(ends)]


def _dump(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    with lzma.open(path, "wb", preset=1) as file:
        for name in ("first", "truth", "actions"):
            np.save(file, arrays[name], allow_pickle=False)


def _load(path: Path) -> dict[str, NDArray[Any]]:
    with lzma.open(path, "rb") as file:
        return {name: np.load(file, allow_pickle=False) for name in ("first", "truth", "actions")}
