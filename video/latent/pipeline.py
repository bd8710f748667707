"""The four uses of one model: imagine, predict, explain, act."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.learning.precision import fast
from video.latent import text
from video.latent.autoencoder import encode, to_frames, to_tensor
from video.latent.bundle import LatentBundle, LatentWeightsError
from video.latent.imagined import explained, imagined
from video.latent.noise import shifted
from video.latent.rolled import roll
from video.latent.termination import OVER
from video.latent.train import motions

Frames = NDArray[np.uint8]


class LatentPipeline:
    """Samples clips and actions by a few Euler steps from noise (flow matching, clean prediction).

    N clips of T frames, `stride` control steps apart; actions of width A.
    """

    def __init__(self, bundle: LatentBundle, *, steps: int = 4) -> None:
        self.bundle, self.steps = bundle, steps
        self.device = next(bundle.prior.parameters()).device
        self.frames = int(bundle.prior.config.frames)

    def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> Frames:
        """Words to video: uint8 [N, H, W, 3] to uint8 [N, T, H, W, 3]."""
        return self.joint(frames, subgoals, seeds)[0]

    def joint(
        self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]
    ) -> tuple[Frames, NDArray[np.float32]]:
        """Words to video and the actions that it was imagined with: see imagine and act. Where there are
        dynamics, flows or a rolling model, these and the prior go on from each other, as a robot that looks
        does. Else actions are sampled first and the video by these: both at once, a robot is drawn before it
        is known where it goes, and then nowhere at all."""
        (first, noise, acts), words = self._start(frames, seeds), self._words(subgoals)
        if self.bundle.dynamics is not None:
            drawn, found = imagined(self.bundle, first, words, noise, acts)
            return self._shown(drawn), self._actions(found)
        if self.bundle.rolls:
            drawn, found = roll(self.bundle, to_tensor(frames).to(self.device), words, acts)
            return as_clips(drawn), self._actions(found)
        _, found = self._sample(first, noise, acts, words, video_level=1.0, action_level=None)
        video, _ = self._sample(first, noise, found, words, video_level=None, action_level=0.0)
        return self._draw(first, video), self._actions(found)

    def act(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> NDArray[np.float32]:
        """Words to actions: uint8 [N, H, W, 3] to float32 [N, T * stride, A], dataset units. By the prior's
        Gaussian where there is nothing else of the network."""
        first, noise, acts = self._start(frames, seeds)
        if not self.bundle.is_whole:
            return self._actions(self._by_prior(first, self._words(subgoals), acts))
        _, found = self._sample(first, noise, acts, self._words(subgoals), video_level=1.0, action_level=None)
        return self._actions(found)

    @torch.no_grad()
    def likely(self, frames: Frames, subgoals: Sequence[str]) -> NDArray[np.float32]:
        """As act, by the mean of the action prior alone: nothing is sampled."""
        _, mean = self.bundle.prior(self._encode(frames), self._words(subgoals))
        return self._actions(mean)

    @torch.no_grad()
    def over(self, begun: Frames, now: Frames, subgoals: Sequence[str]) -> NDArray[np.float32]:
        """Chances [N] that subgoals have come about between frames uint8 [N, H, W, 3] each. Raises
        LatentWeightsError where it was not learned when they have."""
        if (model := self.bundle.termination) is None:
            raise LatentWeightsError("models: expected a termination, got none; train on episodes that end")
        words = self._words(subgoals)
        seen = [model.look(self._encode(frames), words) for frames in (begun, now)]
        return np.asarray(model.chance(*seen).cpu().numpy(), np.float32)

    def is_over(self, begun: Frames, now: Frames, subgoal: str) -> bool:
        """Whether a subgoal has come about between two frames uint8 [H, W, 3], see `over`."""
        return float(self.over(begun[None], now[None], [subgoal])[0]) > OVER

    @torch.no_grad()
    def _by_prior(self, first: Tensor, words: Tensor, noise: Tensor) -> Tensor:
        prior = self.bundle.prior
        _, mean = prior(first, words)
        return torch.as_tensor(mean + (prior.spread.float() / 2).exp() * noise)

    def predict(
        self, frames: Frames, actions: NDArray[np.float32], seeds: Sequence[int], subgoals: Sequence[str] = ()
    ) -> Frames:
        """Actions [N, T * stride, A] to video uint8 [N, T, H, W, 3]."""
        first, noise, _ = self._start(frames, seeds)
        scale = self.bundle.scale
        wanted = (len(frames), self.frames * self.bundle.stride, len(scale.action_mean))
        if actions.shape != wanted:
            raise ValueError(f"actions: expected {wanted}, got {actions.shape}; give those of the same robot")
        known = (torch.from_numpy(actions).float() - scale.action_mean) / scale.action_std
        known = known.reshape(len(frames), self.frames, -1).to(self.device)
        words = self._words(subgoals, len(frames))
        if self.bundle.dynamics is not None:
            return self._shown(imagined(self.bundle, first, words, noise, None, known)[0])
        if self.bundle.rolls:
            drawn, _ = roll(self.bundle, to_tensor(frames).to(self.device), words, noise=None, sent=known)
            return as_clips(drawn)
        video, _ = self._sample(first, noise, known, words, video_level=None, action_level=0.0)
        return self._draw(first, video)

    def explain(
        self, frames: Frames, clips: Frames, seeds: Sequence[int], subgoals: Sequence[str] = ()
    ) -> NDArray[np.float32]:
        """Video uint8 [N, T, H, W, 3] after frames uint8 [N, H, W, 3] to actions [N, T * stride, A]. Dynamics
        explain each frame by the one before, and heed no words."""
        first, _, acts = self._start(frames, seeds)
        whole = self._encode(np.concatenate([frames[:, None], clips], 1).reshape(-1, *frames.shape[1:]))
        whole = whole.reshape(len(frames), -1, *whole.shape[1:])
        if self.bundle.dynamics is not None:
            return self._actions(explained(self.bundle.dynamics, whole))
        known = motions(whole, self.bundle.scale.motion)
        _, found = self._sample(
            first, known, acts, self._words(subgoals, len(frames)), video_level=0.0, action_level=None
        )
        return self._actions(found)

    def redraw(self, frames: Frames) -> Frames:
        """Frames uint8 [N, H, W, 3] through the autoencoder: the best that a clip can look."""
        latent = self._encode(frames)
        return np.asarray(self._draw(latent, torch.zeros_like(latent)[:, None])[:, 0])

    @torch.no_grad()
    def _sample(
        self,
        first: Tensor,
        video: Tensor,
        action: Tensor,
        words: Tensor,
        *,
        video_level: float | None,
        action_level: float | None,
    ) -> tuple[Tensor, Tensor]:
        """What is asked for (level None) goes from noise to clean; the rest stays at its level."""
        sigmas = shifted(torch.linspace(1, 0, self.steps + 1, device=self.device))
        ones = torch.ones(video.shape[:2], device=self.device)
        for now, then in pairwise(sigmas):
            levels = tuple(ones * (now if level is None else level) for level in (video_level, action_level))
            with fast(self.device.type):
                clean, acts = self.bundle.whole(first, video, action, levels, words)
            if video_level is None:
                video = clean.float() + then / now * (video - clean.float())
            if action_level is None:
                action = acts.float() + then / now * (action - acts.float())
        return video, action

    def _start(self, frames: Frames, seeds: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """First latents [N, C, h, w], and noise for video and actions, a function of each clip's own seed."""
        first = self._encode(frames)
        chunk = int(self.bundle.prior.config.chunk)
        noise, acts = [], []
        for seed in seeds:
            generator = torch.Generator().manual_seed(int(seed))
            noise.append(torch.randn(self.frames, *first.shape[1:], generator=generator))
            acts.append(torch.randn(self.frames, chunk, generator=generator))
        return first, torch.stack(noise).to(self.device), torch.stack(acts).to(self.device)

    def _encode(self, frames: Frames) -> Tensor:
        if frames.shape[1:3] != self.bundle.size:
            raise ValueError(
                f"frames: expected {self.bundle.size} pixels, got {frames.shape[1:3]}; "
                "give those of the same camera"
            )
        scale, latent = self.bundle.scale, encode(self.bundle.autoencoder, frames)
        unit: Tensor = (latent - scale.latent_mean.to(self.device)) / scale.latent_std.to(self.device)
        return unit

    @torch.no_grad()
    def _draw(self, first: Tensor, video: Tensor) -> Frames:
        return self._shown(first[:, None] + video * self.bundle.scale.motion)

    @torch.no_grad()
    def _shown(self, latents: Tensor) -> Frames:
        """Latents [N, T, C, h, w] of unit scale as clips."""
        scale, latent = self.bundle.scale, latents.flatten(0, 1)
        latent = latent * scale.latent_std.to(self.device) + scale.latent_mean.to(self.device)
        with fast(self.device.type):
            pictures = self.bundle.autoencoder.decode(latent).sample
        return as_clips(pictures.unflatten(0, latents.shape[:2]))

    def _words(self, subgoals: Sequence[str], count: int = 0) -> Tensor:
        """Without subgoals nothing is said."""
        if not subgoals:
            return torch.zeros(count, text.MAX_TOKENS, dtype=torch.long, device=self.device)
        return text.encode(self.bundle.tokenizer, subgoals).to(self.device)

    def _actions(self, chunks: Tensor) -> NDArray[np.float32]:
        scale = self.bundle.scale
        acts = chunks.cpu().reshape(len(chunks), self.frames * self.bundle.stride, -1)
        return np.asarray((acts * scale.action_std + scale.action_mean).numpy(), np.float32)


def as_clips(pictures: Tensor) -> Frames:
    """[N, T, 3, H, W] in -1..1 as uint8 [N, T, H, W, 3]."""
    return to_frames(pictures.flatten(0, 1)).reshape(*pictures.shape[:2], *pictures.shape[-2:], 3)
