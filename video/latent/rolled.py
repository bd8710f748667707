"""A clip as a robot would see it that looks and acts on: the prior says what is done, the rolling model what
comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from tasks.learning.precision import fast
from video.latent.termination import OVER

if TYPE_CHECKING:
    from video.latent.bundle import LatentBundle

DOUBT: Final = 0.5
"""Of the spread of likely actions, by which branches differ."""
LOOK: Final = 2
"""Beats that are sent until the picture is looked at again."""
KEPT: Final = 0.9
"""Of a branch's difference, from beat to beat: a robot that goes another way goes on that way."""


@torch.no_grad()
def roll(
    bundle: LatentBundle, picture: Tensor, words: Tensor, noise: Tensor | None, sent: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Roll on from pictures [N, 3, H, W] in -1..1 by words [N, L] for a clip's length. The prior looks at
    every LOOK-th picture as it is drawn, as it would on the robot, and the robot rests once it is over.

    Args:
        noise: [N, T, chunk] of unit scale, by which actions differ from the likely ones; None: by nothing.
        sent: chunks [N, T, chunk] that are sent whatever is likely.

    Returns:
        Pictures [N, T, 3, H, W] and chunks [N, T, chunk], these of unit scale.
    """
    model, prior, scale = bundle.rolling, bundle.prior, bundle.scale
    assert model is not None, "expected a rolling model in the bundle"
    frames, beat, count = int(prior.config.frames), int(model.config.beat), len(picture)
    width = beat * len(scale.action_mean)
    asked = None if sent is None else sent.reshape(count, -1, width)
    apart = None if noise is None else noise.reshape(count, -1, width)
    still = -(scale.action_mean / scale.action_std).to(picture).repeat(beat)
    last, other = still.expand(count, -1), torch.zeros_like(still)
    spread = (prior.spread[0].float() / 2).exp()
    looks = max(1, min(LOOK, prior.config.chunk // width))
    ending, over = bundle.termination, torch.zeros(count, 1, dtype=torch.bool, device=picture.device)
    shown, done = [], []
    with fast(picture.device.type):
        first = bundle.see(picture)
        seen, ahead = prior.look_ahead(first, words)
        scene = model.begin(picture, first, ahead)
        before = None if ending is None or asked is not None else ending.look(first, words)
        for number in range(frames * bundle.stride // beat):
            if asked is None:
                turn = number % looks
                if number and not turn:
                    latents = bundle.see(picture)
                    seen = prior.look(latents, words)
                    if ending is not None and before is not None:
                        over |= ending.chance(before, ending.look(latents, words))[:, None] > OVER
                now = prior.likely(seen)[:, 0, turn * width : (turn + 1) * width]
                if apart is not None:
                    other = KEPT * other + (1 - KEPT**2) ** 0.5 * apart[:, number]
                    now = now + DOUBT * spread * other
                now = torch.where(over, still, now)
            else:
                now = asked[:, number]
            scene = model.go(scene, torch.cat([last, now], 1))
            picture, last = scene.drawn[0], now
            done.append(now)
            if (number + 1) * beat % bundle.stride == 0:
                shown.append(picture)
    return torch.stack(shown, 1).float(), torch.stack(done, 1).reshape(count, frames, -1).float()
