"""What the rolling model learns from: frames a beat apart, and what was sent between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from video.latent import text
from video.latent.clips import Frames, Scale, beat_of
from video.latent.prior import ActionPrior
from video.latent.rolling import BEAT, Rolling
from video.latent.store import FrameStore

BEATS: Final = (5, 12, 24)
"""Lengths of what is learned from: what a push does is seen at once, what may be pushed later only later."""
SHARES: Final = (0.6, 0.25, 0.15)
"""Of these."""
SCALES: Final = 3
"""Sizes at which frames are compared."""
LEAST: Final = 0.0005
"""Squared difference that counts as none between pictures in -1..1."""
BEGINNING: Final = 0.6
"""Share of the longest samples that begin where something is told for the first time: of the shorter ones
these would show a robot on its way, and nothing pushed."""
NO_WORDS: Final = 0.1
"""Share of samples that are told nothing."""


class Beats:
    """Samples of a store's frames.

    Args:
        tokenizer: of the words that the prior is told.
        stride: control steps from frame to frame of a clip.
        small: how many times smaller pictures are than in the store.
    """

    def __init__(
        self, store: FrameStore, latents: Frames, scale: Scale, tokenizer: Any, *, stride: int, small: int = 1
    ) -> None:
        self._store, self._latents, self._scale = store, latents, scale
        self.beat, self._small = beat_of(stride, BEAT), small
        self._words = text.encode(tokenizer, store.texts)
        self._start = np.repeat(store.start, store.stop - store.start)
        self._ends = store.ends()[:, 0]
        numbers = np.arange(len(store))
        self._starts = numbers[(self._ends - numbers > BEATS[0] * self.beat) & store.acted]
        begun = np.concatenate([[0], np.unique(self._ends)[:-1]])
        self.begun = np.intersect1d(begun, self._starts)
        """Frames in which something is told for the first time."""

    def __len__(self) -> int:
        return len(self._starts)

    def at(self, starts: NDArray[np.int64], beats: int, *, whole: bool = False) -> dict[str, Tensor]:
        """From frames `starts` [N]: pictures uint8 [N, beats + 1, 3, H, W], or those of the store, so many
        times as large (`whole`: where things are is told to a part of a pixel), the first ones' latents
        [N, C, h, w] of unit scale, what was sent in each beat and the one before it [N, beats, 2 * beat * A],
        which frames are still of what is told [N, beats], words [N, L]."""
        beat, store, scale = self.beat, self._store, self._scale
        frames, last = starts[:, None] + beat * np.arange(beats + 1), self._ends[starts][:, None] - 1
        seen, first = np.minimum(frames, last), self._latents[starts].float()
        order, back = np.unique(seen, return_inverse=True)
        pictures = torch.from_numpy(np.asarray(store.frames[order])).permute(0, 3, 1, 2)
        if self._small > 1 and not whole:
            pictures = F.avg_pool2d(pictures.float(), self._small).round().to(torch.uint8)
        steps = starts[:, None] + np.arange(-beat, beat * beats)
        sent = torch.from_numpy(store.actions[steps.clip(0, len(store) - 1)])
        before = torch.from_numpy(steps >= self._start[starts][:, None])[..., None]
        sent = ((sent - scale.action_mean) / scale.action_std * before).reshape(len(starts), beats + 1, -1)
        return {
            "pictures": pictures[torch.from_numpy(back.reshape(seen.shape))],
            "latents": (first - scale.latent_mean) / scale.latent_std,
            "sent": torch.cat([sent[:, :-1], sent[:, 1:]], -1),
            "there": torch.from_numpy(frames[:, 1:] <= last).float(),
            "words": self._words[store.text[starts, 0]],
        }

    def batches(self, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """Random samples for ever."""
        rng = np.random.default_rng(seed)
        first = self.begun if len(self.begun) else self._starts
        while True:
            beats = int(rng.choice(BEATS, p=SHARES))
            begun = rng.random(size) < (BEGINNING if beats == max(BEATS) else 0)
            batch = self.at(np.where(begun, rng.choice(first, size), rng.choice(self._starts, size)), beats)
            batch["words"] = batch["words"] * torch.from_numpy(rng.random(size) >= NO_WORDS)[:, None]
            yield batch


def loss(model: Rolling, prior: ActionPrior, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Squared errors of each frame as shares of those of "nothing moves", frame by frame and in all, seen
    from near and from further away."""
    there = batch["there"]
    pictures = [picture.float() / 127.5 - 1 for picture in batch["pictures"].unbind(1)]
    with torch.no_grad():
        _, ahead = prior.look_ahead(batch["latents"], batch["words"])
    scene = model.begin(pictures[0], batch["latents"], ahead)
    again = ((scene.drawn[0] - pictures[0]) ** 2).mean()
    errors: list[Tensor] = []
    stills: list[Tensor] = []
    for k in range(there.shape[1]):
        scene = model.go(scene, batch["sent"][:, k])
        each = there[:, k] / there[:, k].sum().clamp(min=1)
        for found, frame in ((errors, scene.drawn[0]), (stills, pictures[0])):
            found.append(_scales(frame - pictures[k + 1]) @ each)
    error, still = torch.stack(errors), torch.stack(stills)
    shares, whole = error / still.clamp(min=LEAST), error.mean(0) / still.mean(0).clamp(min=LEAST)
    value = (shares.mean() + whole.mean()) / 2 + again / still[:, 0].mean().clamp(min=LEAST)
    logs = {"beat": shares[0, 0], f"all_{len(errors)}": whole[0], f"far_{len(errors)}": whole[-1]}
    return value, {name: float(found.detach()) for name, found in {**logs, "again": again}.items()}


def _scales(gap: Tensor) -> Tensor:
    """Mean squares [SCALES, N] of differences [N, 3, H, W], as they are and of coarser and coarser pictures,
    of the same scale where what differs is large. What is drawn a little beside where it is, is as wrong from
    near as what is not drawn there at all."""
    found = []
    for scale in range(SCALES):
        found.append((gap**2).mean((1, 2, 3)))
        if scale + 1 < SCALES:
            gap = F.avg_pool2d(gap, 3, stride=2, padding=1) * 2
    return torch.stack(found)
