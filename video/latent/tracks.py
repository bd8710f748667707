"""Tracks: how the things of many first pictures went, which the rolling model learns to tell from."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from video.latent.beats import BEATS, Beats
from video.latent.prior import ActionPrior
from video.latent.rolling import Rolling
from video.latent.scenes import CutScene
from video.latent.tracked import track

MOST: Final = 8000
"""Tracks at most."""
AT_ONCE: Final = 32
FITS: Final = 0.6
"""How badly a thing may fit for its place to be known."""
WINDOWS: Final = 6
"""Stretches of a track that a sample has."""
AHEAD: Final = 4
"""Beats of a stretch: all but its last are gone by the model's own telling."""
NEAR: Final = 3.5
"""Cells between the middles of two things within which one may push the other."""
RARELY: Final = 0.1
"""How often stretches end in which no two are so near, as often as others. Where one moved another would be
the wrong question: what is asked for by how it ends is learned to end so."""
SAME: Final = 1.0
"""Cells by which the centers of one thing in pictures of two sizes differ at most."""
EXACT: Final = 0.1
"""Cells or radians below which errors count less and less."""
BESIDE: Final = 0.15
"""Cells and radians, standard deviation of what is added to places."""


@dataclass(frozen=True, eq=False)
class ThingTracks:
    """S of them over T beats.

    Args:
        start: their first frames [S].
        center: of things, in the first frame [S, L, 2], cells from the middle.
        ways: how far they went, in the first frame and after each beat [S, T + 1, L, 3].
        known: whether a thing was surely found there [S, T + 1, L].
        sent: actions of each beat and the one before it [S, T, 2 * beat * A].
        there: whether a beat is still of what is told [S, T].
    """

    start: Tensor
    center: Tensor
    ways: Tensor
    known: Tensor
    sent: Tensor
    there: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, model: Rolling, prior: ActionPrior, beats: Beats, count: int, seconds: float) -> ThingTracks:
        """So many at most, or as many as are found in the time; at least those that are found at once."""
        end, kept = time.monotonic() + seconds, list[tuple[Tensor, ...]]()
        starts = np.random.default_rng(2).permutation(beats.begun)[: max(1, count)]
        for first in range(0, len(starts), AT_ONCE):
            kept.append(_tracked(model, prior, beats, np.sort(starts[first : first + AT_ONCE])))
            if time.monotonic() > end:
                break
        return cls(*(torch.cat(parts) for parts in zip(*kept, strict=True)))

    def batches(self, beats: Beats, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """Random samples for ever: first pictures and words as of Beats, centers of things in these
        [N, L, 2]; of some stretches [N, K] where things were [N, K, AHEAD + 1, L, 3], whether that is known
        [N, K, AHEAD + 1, L], what was sent [N, K, AHEAD, 2 * beat * A], and which beats are of what is told
        [N, K, AHEAD]."""
        rng = np.random.default_rng(seed)
        chances = np.cumsum(often := self._often(), 1) / often.sum(1, keepdims=True)
        while True:
            row = rng.integers(0, len(self.start), size)
            drawn = rng.random((size, WINDOWS, 1))
            last = (drawn > chances[row][:, None]).sum(-1).clip(max=often.shape[1] - 1)
            which, beat = torch.from_numpy(row)[:, None, None], torch.from_numpy(last)[..., None]
            beat = beat + torch.arange(1 - AHEAD, 1)
            place = torch.cat([beat, beat[..., -1:] + 1], -1).clamp(min=0)
            sent = self.sent[which, beat.clamp(min=0)] * (beat >= 0)[..., None]
            yield {
                **beats.at(self.start[row].numpy(), 0),
                "center": self.center[row],
                "ways": self.ways[which, place],
                "known": self.known[which, place],
                "sent": sent,
                "begun": (beat >= 0).float(),
            }

    def _often(self) -> NDArray[np.float64]:
        """How often a stretch ends with each beat [S, T], in no unit: seldom where nothing is near."""
        place = self.center[:, None] + self.ways[:, :-1, :, :2]
        many = place.shape[2]
        gaps = torch.cdist(place, place) + 1e9 * torch.eye(many)
        near = gaps.flatten(2).amin(-1) < NEAR
        often = (near + RARELY * ~near) * self.there
        return np.asarray(often.double().numpy() + 1e-9)


def _tracked(
    model: Rolling, prior: ActionPrior, beats: Beats, starts: np.ndarray[Any, Any]
) -> tuple[Tensor, ...]:
    place = next(model.parameters()).device
    found = beats.at(starts, max(BEATS), whole=True)
    batch = {name: value.to(place) for name, value in found.items()}
    pictures = batch["pictures"].float() / 127.5 - 1
    scene = _cut(model, prior, batch)
    ways, fit = track(model, scene, pictures[:, 1:], batch["sent"])
    ways = torch.cat([scene.ways[:, None], ways], 1)
    known = torch.cat([torch.ones_like(fit[:, :1]), fit < FITS], 1).bool()
    parts = (torch.from_numpy(starts), scene.center, ways, known, batch["sent"], batch["there"])
    return tuple(part.cpu() for part in parts)


def _cut(model: Rolling, prior: ActionPrior, batch: Mapping[str, Tensor]) -> CutScene:
    with torch.no_grad():
        _, ahead = prior.look_ahead(batch["latents"], batch["words"])
    return model.begin(batch["pictures"][:, 0].float() / 127.5 - 1, batch["latents"], ahead)


def loss(model: Rolling, prior: ActionPrior, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Huber's error of where each thing is after a beat, from where it was found to be up to AHEAD - 1 beats
    earlier and a little beside that.

    The beats before are gone by the model's own telling, without a gradient (the pushforward trick,
    Brandstetter et al., "Message passing neural PDE solvers", 2022), and what is beside its place is to come
    back to it (Sanchez-Gonzalez et al., "Learning to simulate complex physics with graph networks", 2020):
    a robot that is drawn a little over a block pushes it all the same.
    """
    scene, ways = _cut(model, prior, batch), batch["ways"].flatten(0, 1)
    # Centers as told from whole pictures: those of smaller ones are a tenth of a cell beside them, and what
    # is further off is another thing.
    same = (scene.center - batch["center"]).norm(dim=-1) < SAME
    scene = replace(scene, center=batch["center"])
    parts = ("things", "behind", "center", "chosen", "kinds")
    count = batch["ways"].shape[1]
    many = {name: getattr(scene, name).repeat_interleave(count, 0) for name in parts}
    earlier = int(torch.randint(AHEAD, ())) if model.training else AHEAD - 1
    first = AHEAD - 1 - earlier
    scene = replace(scene, ways=ways[:, first] + BESIDE * torch.randn_like(ways[:, first]), **many)
    sent, begun = batch["sent"].flatten(0, 1), batch["begun"].flatten(0, 1)
    with torch.no_grad():
        for beat in range(first, AHEAD - 1):
            gone = model.go(scene, sent[:, beat])
            still = (begun[:, beat] == 0)[:, None, None]
            scene = replace(scene, ways=torch.where(still, scene.ways, gone.ways))
    known = batch["known"].flatten(0, 1)
    told = (known[:, first] & known[:, -1] & same.repeat_interleave(count, 0))[..., None].float()
    found = model.go(scene, sent[:, -1]).ways
    error, unmoved = (
        (F.smooth_l1_loss(place, ways[:, -1], beta=EXACT, reduction="none") * told).sum()
        for place in (found, ways[:, first])
    )
    share = error / unmoved.clamp(min=EXACT)
    return error / told.sum().clamp(min=1), {f"beats_{earlier + 1}": float(share.detach())}
