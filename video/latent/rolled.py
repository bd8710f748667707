"""A clip as a robot would see it that looks and acts on: the prior says what is done, flows or a rolling
model what comes of it."""

from __future__ import annotations

from collections.abc import Callable
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
    prior, scale, frames, count = bundle.prior, bundle.scale, int(bundle.prior.config.frames), len(picture)
    beat = int((bundle.flow or bundle.rolling).config.beat)  # type: ignore[union-attr]
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
        rolled = _begun(bundle, picture, first, ahead)
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
            picture, last = rolled(torch.cat([last, now], 1)), now
            done.append(now)
            if (number + 1) * beat % bundle.stride == 0:
                shown.append(picture)
    return torch.stack(shown, 1).float(), torch.stack(done, 1).reshape(count, frames, -1).float()


def _begun(bundle: LatentBundle, picture: Tensor, first: Tensor, ahead: Tensor) -> Callable[[Tensor], Tensor]:
    """From what is sent in the last and in this beat [N, 2 * beat * A] to the picture then [N, 3, H, W]."""
    if (flow := bundle.flow) is not None:
        scenes = [flow.begin(picture)]

        def flowed(sent: Tensor) -> Tensor:
            scenes[0] = flow.go(scenes[0], sent)
            return scenes[0].frame

        return flowed
    rolling = bundle.rolling
    assert rolling is not None, "expected flows or a rolling model in the bundle"
    cut = [rolling.begin(picture, first, ahead)]

    def gone(sent: Tensor) -> Tensor:
        cut[0] = rolling.go(cut[0], sent)
        return cut[0].drawn[0]

    return gone
