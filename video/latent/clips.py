"""Clips of latents, chunks of actions and words, cut anywhere from a store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from video.latent import text
from video.latent.config import LatentConfig
from video.latent.ends import AT_END
from video.latent.rarely import drawn_by_text
from video.latent.store import FrameStore

NO_WORDS = 0.1
"""Share of clips whose words are left out."""
BEGINNING = 0.3
"""Share of clips that start where something is told for the first time, as those of a plan do."""
TASK = 0.1
"""Share of clips that are told the whole task in the place of the subgoal."""


@dataclass(frozen=True, eq=False)
class Scale:
    """What a dataset's numbers are divided by."""

    latent_mean: Tensor
    """[C, 1, 1], and the standard deviation beside it."""
    latent_std: Tensor
    motion: float
    """Standard deviation of how normal latents move within a clip."""
    action_mean: Tensor
    """[A], and the standard deviation beside it."""
    action_std: Tensor


def beat_of(stride: int, most: int) -> int:
    """Control steps of a beat, at most so many, of which some make a stride from frame to frame."""
    return max(beat for beat in range(1, most + 1) if stride % beat == 0)


def shortest(fps: float) -> int:
    """Frames to the end of what is told, of which there must be more where a clip begins: an action and its
    outcome before the rest."""
    return round(AT_END * fps) + 1


class Frames(Protocol):
    """Latents [F, C, h, w] by frame numbers [...]."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: NDArray[np.int64]) -> Tensor: ...


class LatentClips:
    """All clips of a store whose frames are known as latents [F, C, h, w]."""

    def __init__(self, store: FrameStore, latents: Frames, tokenizer: Any, config: LatentConfig) -> None:
        self._store, self._config = store, config
        self.stride = max(1, round(config.seconds * store.fps))
        self._latents = latents
        self._words = text.encode(tokenizer, store.texts)
        # What is told is over at its end: a clip goes on with the last frame, as a robot that rests does.
        self._ends = store.ends()
        left = self._ends[:, 0] - np.arange(len(store))
        self._rest = round(AT_END * store.fps)
        self.begin_at(np.flatnonzero(left > shortest(store.fps)))
        self.scale = self._measure()

    def __len__(self) -> int:
        return len(self.starts)

    def begin_at(self, starts: NDArray[np.int64]) -> None:
        """Let clips begin at these frames alone."""
        store = self._store
        good = np.repeat(store.success, store.stop - store.start)
        # What is done where it fails is not what is likely done of words; there a robot is stuck, above all.
        told = starts[good[starts]] if good[starts].any() else starts
        begun = np.concatenate([[0], np.unique(self._ends[:, 0])[:-1]])
        first = np.intersect1d(begun, told)
        self.starts: NDArray[np.int64] = starts
        self._told: NDArray[np.int64] = told
        self._begun: NDArray[np.int64] = first if len(first) else told

    @property
    def acted(self) -> bool:
        """Whether there are actions anywhere."""
        return bool(self._store.acted.any())

    def _indices(
        self, starts: NDArray[np.int64], end: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of frames [N, T + 1] and of control steps [N, T * stride]; past the end [N] is the end."""
        last = end - 1
        frames = starts[:, None] + self.stride * np.arange(self._config.frames + 1)
        steps = starts[:, None] + np.arange(self._config.frames * self.stride)
        return np.minimum(frames, last[:, None]), np.minimum(steps, last[:, None] + 1)

    def _measure(self) -> Scale:
        rng = np.random.default_rng(0)
        some = self._latents[np.sort(rng.integers(len(self._latents), size=512))].float()
        mean, std = some.mean((0, 2, 3)), some.std((0, 2, 3))
        some_starts = rng.choice(self.starts, 64)
        frames, _ = self._indices(some_starts, self._ends[some_starts, 0])
        clips = self._latents[frames].float() / std[:, None, None]
        acts = self._store.actions[self._store.acted]
        acts = acts if len(acts) else np.zeros((2, self._store.actions.shape[1]), np.float32)
        return Scale(
            mean[:, None, None],
            std[:, None, None],
            float((clips[:, 1:] - clips[:, :1]).std()),
            torch.from_numpy(acts.mean(0)),
            torch.from_numpy(acts.std(0) + 1e-6),
        )

    def at(self, starts: NDArray[np.int64], choice: NDArray[np.int64] | None = None) -> dict[str, Tensor]:
        """Clips that begin at frames `starts` [N]: latents [N, T + 1, C, h, w] of unit scale, chunks
        [N, T, stride * A], before (likewise), whether each number lies before it is done (see `ends`),
        words [N, L], acted [N]. `choice` [N]: 0 the subgoal, 1 the task."""
        told = np.zeros(len(starts), np.int64) if choice is None else choice
        end = self._ends[starts, told]
        frames, steps = self._indices(starts, end)
        scale, store = self.scale, self._store
        latents = (self._latents[frames].float() - scale.latent_mean) / scale.latent_std
        # Past the end nothing is sent any more.
        inside = steps < end[:, None]
        before = steps < end[:, None] - self._rest
        acts = torch.from_numpy(store.actions[np.minimum(steps, len(store) - 1)] * inside[..., None])
        acts = (acts - scale.action_mean) / scale.action_std
        return {
            "latents": latents,
            "actions": acts.reshape(len(starts), self._config.frames, -1).float(),
            "before": torch.from_numpy(before)[..., None]
            .expand_as(acts)
            .reshape(len(starts), self._config.frames, -1),
            "words": self._words[store.text[starts, told]],
            "acted": torch.from_numpy(store.acted[starts]),
        }

    def batches(self, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """Random clips for ever, of successes; some are told the task, some nothing, and these are of
        failures, too. What is told rarely comes oftener than in the dataset, see `rarely`."""
        rng = np.random.default_rng(seed)
        any_time, begun_now = (
            drawn_by_text(moments, self._store.text[moments, 0], rng) for moments in (self._told, self._begun)
        )
        while True:
            begun, silent = rng.random(size) < BEGINNING, rng.random(size) < NO_WORDS
            starts = np.where(begun, begun_now(size), any_time(size))
            starts = np.where(silent, rng.choice(self.starts, size), starts)
            batch = self.at(starts, (rng.random(size) < TASK).astype(np.int64))
            batch["words"] = batch["words"].clone()
            batch["words"][torch.from_numpy(silent)] = 0
            yield batch
