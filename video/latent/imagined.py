"""A clip as a robot would see it that looks and acts on: the prior says what is done, the dynamics what
comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from tasks.learning.precision import fast
from video.latent.rolled import DOUBT, KEPT
from video.latent.termination import OVER

if TYPE_CHECKING:
    from video.latent.bundle import LatentBundle
    from video.latent.dynamics import Dynamics

STEPS: Final = 3
"""Euler steps of a frame: with one, which draws the mean of what may come, whatever is touched soon blurs."""


@torch.no_grad()
def imagined(
    bundle: LatentBundle,
    first: Tensor,
    words: Tensor,
    noise: Tensor,
    doubt: Tensor | None,
    sent: Tensor | None = None,
    steps: int = STEPS,
) -> tuple[Tensor, Tensor]:
    """Roll on from latents [N, C, h, w] by words [N, L] for a clip's length. The prior looks at every frame
    as it is imagined, as it would on the robot, and the robot rests once it is over.

    Args:
        noise: [N, T, C, h, w] that frames are drawn from; the same for all beats of a frame.
        doubt: [N, T, chunk] of unit scale, by which actions differ from the likely ones; None: by nothing.
        sent: chunks [N, T, chunk] that are sent whatever is likely.
        steps: Euler steps of a frame.

    Returns:
        Latents [N, T, C, h, w] and chunks [N, T, chunk], all of unit scale.
    """
    model, scale = bundle.dynamics, bundle.scale
    assert model is not None, "expected dynamics in the bundle"
    frames, count = int(bundle.prior.config.frames), len(first)
    beats = bundle.stride // int(model.config.beat)
    asked, apart = (
        None if each is None else each.reshape(count, frames * beats, -1) for each in (sent, doubt)
    )
    still = -(scale.action_mean / scale.action_std).to(first).repeat(int(model.config.beat)).expand(count, -1)
    mind = _Mind(bundle, first, words, apart)
    before, now, last = first, first, None
    shown, done = [], []
    with fast(first.device.type):
        for number in range(frames * beats):
            acts = mind.likely(now, still, number) if asked is None else asked[:, number]
            drawn = model.go(before, now, last, acts, noise[:, number // beats], steps).float()
            before, now, last = now, drawn, acts
            done.append(acts)
            if (number + 1) % beats == 0:
                shown.append(now)
    return torch.stack(shown, 1), torch.stack(done, 1).reshape(count, frames, -1).float()


@torch.no_grad()
def explained(model: Dynamics, latents: Tensor) -> Tensor:
    """What was sent [N, T, chunk] between frames [N, T + 1, C, h, w] a stride apart, each pair by itself."""
    now, later = latents[:, :-1], latents[:, 1:]
    with fast(latents.device.type):
        found = model.explain(now.flatten(0, 1), now.flatten(0, 1), later.flatten(0, 1))
    return found.float().reshape(*now.shape[:2], -1)


class _Mind:
    """What is likely done from beat to beat, and whether it is over."""

    def __init__(self, bundle: LatentBundle, first: Tensor, words: Tensor, apart: Tensor | None) -> None:
        self._prior, self._ending, self._words = bundle.prior, bundle.termination, words
        self._apart, self._other = apart, torch.zeros(())
        self._spread = (self._prior.spread[0].float() / 2).exp()
        self._over = torch.zeros(len(first), 1, dtype=torch.bool, device=first.device)
        self._begun = None if self._ending is None else self._ending.look(first, words)

    def likely(self, now: Tensor, still: Tensor, number: int) -> Tensor:
        """Of frames [N, C, h, w] at a beat actions [N, chunk]: as likely, or `still` [N, chunk]."""
        acts = self._prior.likely(self._prior.look(now, self._words))[:, 0, : still.shape[1]]
        if self._ending is not None and self._begun is not None and number:
            chance = self._ending.chance(self._begun, self._ending.look(now, self._words))
            self._over = self._over | (chance[:, None] > OVER)
        if self._apart is not None:
            self._other = KEPT * self._other.to(acts) + (1 - KEPT**2) ** 0.5 * self._apart[:, number]
            acts = acts + DOUBT * self._spread * self._other
        return torch.where(self._over, still, acts)
