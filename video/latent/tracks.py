"""Tracks: how the things of many first pictures went, which the rolling model learns to tell from."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from video.latent.beats import BEATS, Beats
from video.latent.prior import ActionPrior
from video.latent.rolling import Rolling
from video.latent.scenes import CutScene
from video.latent.tracked import track

MOST: Final = 8000
"""ThingTracks at most."""
AT_ONCE: Final = 32
FITS: Final = 0.6
"""How badly a thing may fit for its place to be known."""
SHARES: Final = 8
"""Beats of a track that a sample has."""
MOVED: Final = 0.1
"""Cells a beat that a thing goes which is moved; RARELY: how often beats are learned from in which fewer than
two things are, as often as others."""
RARELY: Final = 0.1
EXACT: Final = 0.1
"""Cells or radians below which errors count less and less."""
BESIDE: Final = 0.05
"""Standard deviation of what is added to places: those that were told before are never quite right."""


@dataclass(frozen=True, eq=False)
class ThingTracks:
    """S of them over T beats.

    Args:
        start: their first frames [S].
        ways: of things, in the first frame and after each beat [S, T + 1, L, 3].
        known: whether a thing was surely found there [S, T + 1, L].
        sent: actions of each beat and the one before it [S, T, 2 * beat * A].
        there: whether a beat is still of what is told [S, T].
    """

    start: Tensor
    ways: Tensor
    known: Tensor
    sent: Tensor
    there: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, model: Rolling, prior: ActionPrior, beats: Beats, count: int, seconds: float) -> ThingTracks:
        """So many at most, or as many as are found in the time."""
        end, kept = time.monotonic() + seconds, list[tuple[Tensor, ...]]()
        starts = np.random.default_rng(2).permutation(beats.begun)[:count]
        for first in range(0, len(starts), AT_ONCE):
            kept.append(_tracked(model, prior, beats, starts[first : first + AT_ONCE]))
            if time.monotonic() > end:
                break
        return cls(*(torch.cat(parts) for parts in zip(*kept, strict=True)))

    def batches(self, beats: Beats, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """Random samples for ever: first pictures and words as of Beats; of some beats [N, K] where things
        were, what was sent, and how far they went."""
        rng = np.random.default_rng(seed)
        moved = (self.steps[..., :2].norm(dim=-1) > MOVED).sum(-1) > 1
        often = ((moved + RARELY * ~moved) * self.there).numpy() + 1e-9
        chances = np.cumsum(often, 1) / often.sum(1, keepdims=True)
        while True:
            row = rng.integers(0, len(self.start), size)
            drawn = rng.random((size, SHARES, 1))
            beat = torch.from_numpy((drawn > chances[row][:, None]).sum(-1).clip(max=often.shape[1] - 1))
            which = torch.from_numpy(row)[:, None]
            told = (self.known[:, :-1] & self.known[:, 1:])[which, beat] & (self.there[which, beat] > 0)[
                ..., None
            ]
            yield {
                **beats.at(self.start[row].numpy(), 0),
                "sent": self.sent[which, beat],
                "ways": self.ways[which, beat],
                "steps": self.steps[which, beat],
                "told": told.float(),
            }

    @property
    def steps(self) -> Tensor:
        """How far things went in each beat [S, T, L, 3]."""
        return self.ways[:, 1:] - self.ways[:, :-1]


def _tracked(
    model: Rolling, prior: ActionPrior, beats: Beats, starts: np.ndarray[Any, Any]
) -> tuple[Tensor, ...]:
    place = next(model.parameters()).device
    batch = {name: value.to(place) for name, value in beats.at(np.sort(starts), max(BEATS)).items()}
    pictures = batch["pictures"].float() / 127.5 - 1
    scene = _cut(model, prior, batch)
    ways, fit = track(model, scene, pictures[:, 1:], batch["sent"])
    ways = torch.cat([scene.ways[:, None], ways], 1)
    known = torch.cat([torch.ones_like(fit[:, :1]), fit < FITS], 1).bool()
    found = (torch.from_numpy(np.sort(starts)), ways, known, batch["sent"], batch["there"])
    return tuple(part.cpu() for part in found)


def _cut(model: Rolling, prior: ActionPrior, batch: Mapping[str, Tensor]) -> CutScene:
    with torch.no_grad():
        _, ahead = prior.look_ahead(batch["latents"], batch["words"])
    return model.begin(batch["pictures"][:, 0].float() / 127.5 - 1, batch["latents"], ahead)


def loss(model: Rolling, prior: ActionPrior, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Huber's error of how far each thing goes in a beat, from where it was found to be: all beats of a
    track at once, and none of what was told wrongly before."""
    scene, count = _cut(model, prior, batch), batch["ways"].shape[1]
    at = batch["ways"].flatten(0, 1)
    at = at + BESIDE * torch.randn_like(at)
    parts = ("things", "behind", "center", "chosen", "kinds")
    many = {name: getattr(scene, name).repeat_interleave(count, 0) for name in parts}
    went = model.go(replace(scene, ways=at, **many), batch["sent"].flatten(0, 1)).ways - at
    steps, told = batch["steps"].flatten(0, 1), batch["told"].flatten(0, 1)[..., None]
    error, still = (
        (F.smooth_l1_loss(found, steps, beta=EXACT, reduction="none") * told).sum()
        for found in (went, torch.zeros_like(went))
    )
    share = error / still.clamp(min=EXACT)
    return error / told.sum().clamp(min=1), {"steps": float(share.detach())}
