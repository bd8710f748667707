"""Clips of a store that was not trained on, imagined and predicted beside what really came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.data.layout import DatasetError
from video.latent.bundle import LatentBundle
from video.latent.pipeline import Frames, LatentPipeline
from video.latent.store import FrameStore


@dataclass(frozen=True, eq=False)
class HeldOut:
    """N clips of T frames, uint8 [N, T, H, W, 3] each."""

    first: Frames
    """[N, H, W, 3]."""
    truth: Frames
    words: tuple[str, ...]
    actions: NDArray[np.float32]
    """[N, T * stride, A]."""


def held_out(store: FrameStore, *, frames: int, stride: int, count: int, seed: int = 0) -> HeldOut:
    """Clips drawn from a seed; past a subgoal's end is its last frame, and nothing is sent.

    Raises ValueError where no subgoal has a step left.
    """
    rng, ends = np.random.default_rng(seed), store.ends()[:, 0]
    starts = np.flatnonzero(ends - np.arange(len(store)) > stride)
    if not len(starts):
        raise ValueError(f"data: expected episodes of more than {stride} frames, got none; give longer ones")
    chosen = np.sort(rng.choice(starts, min(count, len(starts)), replace=False)).astype(np.int64)
    return cut(store, chosen, frames=frames, stride=stride)


def cut(store: FrameStore, starts: NDArray[np.int64], *, frames: int, stride: int) -> HeldOut:
    """Clips that begin at the frames `starts` [N]; past a subgoal's end is its last frame, and nothing is
    sent."""
    stop = store.ends()[starts, 0]
    later = [np.minimum(starts + stride * (k + 1), stop - 1) for k in range(frames)]
    steps = starts[:, None] + np.arange(frames * stride)
    inside = steps < stop[:, None]
    return HeldOut(
        first=np.asarray(store.frames[starts]),
        truth=np.stack([store.frames[index] for index in later], 1),
        words=tuple(store.texts[k] for k in store.text[starts, 0]),
        actions=store.actions[np.minimum(steps, len(store) - 1)] * inside[..., None],
    )


def check(bundle: LatentBundle, store: FrameStore) -> None:
    """Raises DatasetError for data of another camera or robot than that of the weights."""
    size, width = store.frames.shape[1:3], store.actions.shape[1]
    if size != bundle.size:
        raise DatasetError(f"expected pictures of {bundle.size} pixels as the weights know, got {size}")
    if store.acted.any() and width != len(bundle.scale.action_mean):
        raise DatasetError(
            f"expected actions of {len(bundle.scale.action_mean)} numbers as the weights know, got {width}"
        )


def psnr(one: Frames, other: Frames, where: NDArray[np.bool_] | None = None) -> float:
    """Peak signal-to-noise ratio in dB, of all pixels or of those `where` is True."""
    error = (one.astype(np.float32) - other.astype(np.float32)) ** 2
    mean = float(error.mean() if where is None else error[where].mean())
    return float(10 * np.log10(255**2 / max(mean, 1e-9)))


def figures(pipeline: LatentPipeline, clips: HeldOut) -> dict[str, float]:
    """PSNR of the last frame, of all and of moved pixels: imagined, predicted from true and from other clips'
    actions, the first frame again, and what the autoencoder can draw at best; mean error of explained and of
    acted actions as shares of the variance."""
    seeds = list(range(len(clips.first)))
    last = clips.truth[:, -1]
    moved = np.abs(last.astype(int) - clips.first.astype(int)).max(-1) > 25
    first, words, acts = clips.first, list(clips.words), clips.actions
    shown = {
        "copy": first,
        "imagined": pipeline.imagine(first, words, seeds)[:, -1],
        "predicted": pipeline.predict(first, acts, seeds)[:, -1],
        "predicted_others_actions": pipeline.predict(first, np.roll(acts, 1, 0), seeds)[:, -1],
        "autoencoder": pipeline.redraw(last),
    }
    found = {f"psnr_{name}": round(psnr(frames, last), 2) for name, frames in shown.items()}
    found |= {f"psnr_moved_{name}": round(psnr(frames, last, moved), 2) for name, frames in shown.items()}
    variance = ((acts - acts.mean((0, 1))) ** 2).mean()
    told = {
        "explained": pipeline.explain(first, clips.truth, seeds, words),
        "acted": pipeline.act(first, words, seeds),
    }
    return found | {
        f"action_error_{name}": round(float(((own - acts) ** 2).mean() / variance), 3)
        for name, own in told.items()
    }


def beside(pipeline: LatentPipeline, clips: HeldOut, *, rows: int = 6) -> Frames:
    """A picture: for each of some clips, what came above what was imagined, uint8 [H', W', 3]."""
    some = slice(0, rows)
    drawn = pipeline.imagine(clips.first[some], clips.words[some], list(range(len(clips.first[some]))))
    parts = []
    for first, truth, own in zip(clips.first[some], clips.truth[some], drawn, strict=True):
        parts += [np.concatenate([first, *truth], 1), np.concatenate([first, *own], 1)]
    return np.concatenate(parts)
