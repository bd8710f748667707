"""What the policy learns from: two frames of an episode, and what was done between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.learning.mixture import Modes, surprise
from video.latent import text
from video.latent.clips import Frames, Scale
from video.latent.moving import SCARCE, moved_about
from video.latent.policy.network import ANY_TIME, NOTHING, REACH, LatentPolicy
from video.latent.store import FrameStore

BLUR = 0.3
"""Largest standard deviation of what is added to the wanted frame: imagined ones are never quite right."""
SILENT, BLIND = 0.35, 0.25
"""Shares of samples to which no words are told, and of those with words to which no frame is shown."""
UNTIMED = 0.6
"""Share of shown frames of which it is not told when they are wanted: a robot that lags does not know it."""
AT_REST, RESTING = 0.08, 3
"""Share of samples that are shown an episode's last frame from where it is (almost) reached, and how many
control steps before it at most. Nothing else says what to do at a goal: to words alone it is not said, since
one that rests a little too soon rests for ever."""


class Pairs:
    """Pairs of a store's frames in hindsight: whatever was reached was wanted (Andrychowicz et al., 2017).

    Args:
        tokenizer: of the words that a policy is told.
        chunk: k, actions that it tells at a time.
    """

    def __init__(
        self,
        store: FrameStore,
        latents: Frames,
        scale: Scale,
        tokenizer: Any,
        *,
        reach: int = REACH,
        chunk: int = 6,
    ) -> None:
        self._store, self._latents, self.scale = store, latents, scale
        self._reach, self._chunk = reach, chunk
        self._words = text.encode(tokenizer, store.texts)
        self._stop = np.repeat(store.stop, store.stop - store.start)
        self._over = store.ends()[:, 0]
        good = np.repeat(store.success, store.stop - store.start)
        self._good = good if good.any() else ~good
        """[F] whether its words are told: what is done where it fails is not what is likely done of them."""
        ended = store.success & store.acted[store.start] & (store.stop - store.start > RESTING)
        self._reached = store.stop[ended] - 1
        numbers = np.arange(len(store))
        self._starts = numbers[(self._stop - numbers > 1) & store.acted]
        if not len(self._starts):
            raise ValueError("data: expected episodes with actions, got none; a policy needs some")

    def at(
        self, starts: NDArray[np.int64], left: NDArray[np.int64], told: NDArray[np.bool_]
    ) -> dict[str, Tensor]:
        """now, wanted [N, C, h, w], left [N], words [N, L], actions [N, k, A] of unit scale, and there
        [N, k]: whether an action lies between the two. Where `told` [N] of it, a frame is of what the words
        say; nothing is wanted where `left` is NOTHING."""
        stop, scale = self._stop[starts] - 1 - starts, self.scale
        stop = np.minimum(stop, np.where(told, np.maximum(self._over[starts] - starts, 1), stop))
        shown = left != NOTHING
        left = np.minimum(np.where(shown, left, stop), stop)
        seen = self._latents[np.stack([starts, starts + left], 1)].float()
        seen = (seen - scale.latent_mean) / scale.latent_std
        steps = starts[:, None] + np.arange(self._chunk)
        acts = torch.from_numpy(self._store.actions[np.minimum(steps, self._stop[starts, None] - 1)])
        return {
            "now": seen[:, 0],
            "wanted": seen[:, 1],
            "left": torch.from_numpy(np.where(shown, left, NOTHING)),
            "words": self._words[self._store.text[starts, 0]] * torch.from_numpy(told)[:, None],
            "actions": (acts - scale.action_mean) / scale.action_std,
            "there": torch.from_numpy(np.arange(self._chunk) < left[:, None]),
        }

    def batches(self, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """Random pairs for ever, half of them at most a quarter as far apart as they may be, and some at rest
        where an episode ended."""
        rng = np.random.default_rng(seed)
        while True:
            most = np.where(rng.random(size) < 0.5, -(-self._reach // 4), self._reach)
            starts, rest = rng.choice(self._starts, size), rng.random(size) < AT_REST
            told = self._good[starts] & (rng.random(size) >= SILENT)
            left = np.where(told & (rng.random(size) < BLIND), NOTHING, rng.integers(1, most + 1))
            if len(self._reached):
                near = rng.integers(RESTING + 1, size=size)
                starts = np.where(rest, rng.choice(self._reached, size) - near, starts)
                left = np.where(rest, near, left)
            batch = self.at(starts, left, told)
            if len(self._reached):
                batch["there"] |= torch.from_numpy(rest)[:, None]
            if len(self._starts) < SCARCE:
                both = moved_about(torch.stack([batch["now"], batch["wanted"]], 1), rng)
                batch["now"], batch["wanted"] = both.unbind(1)
            untimed = torch.from_numpy(rng.random(size) < UNTIMED) & (batch["left"] > 0)
            batch["left"] = torch.where(untimed, ANY_TIME, batch["left"])
            yield batch


def loss(model: LatentPolicy, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Negative log-likelihood of the actions between the two frames, and the squared error of their mean, by
    which pictures are heeded from the beginning: else modes fit all that is ever done first. Wanted frames
    are blurred."""
    wanted, actions = batch["wanted"], batch["actions"]
    blur = BLUR * torch.rand(len(wanted), 1, 1, 1, device=wanted.device)
    modes: Modes = model(
        batch["now"], wanted + blur * torch.randn_like(wanted), batch["left"], batch["words"]
    )
    there = batch["there"]
    mean = ((modes.expected - actions) ** 2).mean(-1) * there
    error = (surprise(modes, actions, there).sum() + actions.shape[-1] * mean.sum()) / there.sum()
    first = (modes.expected.detach()[:, 0] - actions[:, 0]) ** 2
    return error, _firsts(first, batch["left"])


def _firsts(error: Tensor, left: Tensor) -> dict[str, float]:
    """Squared errors [N, A] of first actions, by words alone and towards a frame."""
    found = {}
    for name, chosen in (("told", left == NOTHING), ("shown", left != NOTHING)):
        if chosen.any():
            found[name] = float(error[chosen].mean())
    return found
