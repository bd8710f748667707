"""Rolling on: things are cut out of a first frame, and go a short way at a time by what is sent."""

from __future__ import annotations

from dataclasses import replace

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from video.latent.copying import coordinates
from video.latent.points import steered
from video.latent.scenes import CutScene, centers

BEAT = 2
"""Control steps of a short way at most: longer, and a pushed thing goes further than it is wide, which no
gradient finds."""


FINE = 2
"""Pixels of a cell's side at which pictures are told: how a thing goes is in fractions of a cell, at whatever
size it is drawn, and this costs a quarter."""


class Rolling(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """What a few actions do, told again and again.

    Things are cut out of the picture once and moved as wholes (as in Finn et al., "Unsupervised learning for
    physical interaction through video prediction", 2016), so that nothing blurs however long it goes on: of
    the picture, since latents of what has moved by half a cell are not those halfway between. Each is found
    where most is expected to change, apart from the others, and reaches no further than NEAR: one that was
    in two places would go the mean of both ways. How it moves is read where it then is, from convolutions
    over the frame as it is drawn by then (the mean over its mask): what a push does is the same wherever it
    happens, whatever is pushed. What one does to another is told from where it is from there, to a fraction
    of a cell, and how it goes (an interaction network, Battaglia et al., 2016): little else is needed where
    a robot touches something.

    Args:
        channels, height, width: of a latent frame [C, h, w].
        fine: pixels of a cell's side at which pictures are told; they are drawn as they are given.
        actions: A, numbers of an action.
        beat: of how many actions is told at a time.
        layers: L, things at most.
        hidden: features of a cell.
        blocks: residual convolutions.
        told: numbers in which actions are put.
    """

    CLEAR, HALF, FAINT, NEAR, ALIKE, KINDS = 16.0, 0.35, 0.2, 1.8, 8.0, 8
    """How clearly a cell is of a thing or not, and from which share on of the likelihood of what is likeliest
    of it, which counts as so much at least; cells that a thing reaches; by how much a cell is rather of what
    it is like; numbers of that."""
    LEAST, UNLIKE, AROUND, RATHER, WIDE = 0.15, 8.0, 9, 4.0, 2.5
    """Difference of a pixel (-1..1) from what may be behind from which it is of a thing, and how clearly;
    cells of a side around one whose mean may be behind it; how much rather a cell is of what was likelier;
    by what masks are widened between cells: a half transparent rim stays behind as a ghost."""
    WAYS, SPREAD = 8, 0.3
    """Linear maps of what is sent, of which each thing chooses: in the beginning one of some leads roughly
    where the robot goes, and so the robot is found."""
    where: Tensor

    @register_to_config
    def __init__(
        self,
        *,
        channels: int,
        height: int,
        width: int,
        fine: int,
        actions: int,
        beat: int,
        layers: int = 3,
        hidden: int = 32,
        blocks: int = 3,
        told: int = 96,
    ) -> None:
        super().__init__()
        where = coordinates(height, width)
        self.register_buffer("where", where, persistent=False)
        known, sent = where.shape[1], 2 * beat * actions
        self.cells = nn.Sequential(
            nn.Conv2d(2 * channels + 1, hidden, 3, padding=1), nn.SiLU(),
            nn.Conv2d(hidden, hidden, 3, padding=1), nn.SiLU(), nn.Conv2d(hidden, self.KINDS, 3, padding=1),
        )  # fmt: skip
        self.behind = nn.Sequential(
            nn.Conv2d(6 * fine**2 + 1, hidden, 5, padding=2), nn.SiLU(),
            nn.Conv2d(hidden, hidden, 5, padding=2), nn.SiLU(), nn.Conv2d(hidden, 3 * fine**2, 3, padding=1),
        )  # fmt: skip
        self.seen = nn.Conv2d(3 * fine**2 + 1 + known, hidden, 3, padding=1)
        self.moving = nn.ModuleList([nn.Conv2d(hidden, hidden, 3, padding=1) for _ in range(blocks)])
        self.move_ways = nn.Sequential(nn.Linear(sent, told), nn.SiLU(), nn.Linear(told, 2 * blocks * hidden))
        self.flow = nn.Conv2d(hidden, 3, 3, padding=1)
        self.sent = nn.Linear(sent, 2 * self.WAYS, bias=False)
        self.choice = nn.Linear(self.KINDS, self.WAYS + 1)
        self.meeting = nn.Sequential(
            nn.Linear(2 * self.KINDS + 9 + sent, told), nn.SiLU(), nn.Linear(told, told), nn.SiLU(),
            nn.Linear(told, 3),
        )  # fmt: skip
        nn.init.normal_(self.sent.weight, std=self.SPREAD)
        for layer in (self.flow, self.behind[4], self.meeting[4]):
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)

    def begin(self, picture: Tensor, first: Tensor, ahead: Tensor) -> CutScene:
        """Cut a picture [N, 3, H, W] in -1..1 of latents [N, C, h, w] by how the prior expects these to
        change [N, C + 1, h, w], see `ActionPrior.look_ahead`: that is what words are about. Where a thing may
        be is the prior's alone to say: while masks learned how they had to be for the frames to come, a thing
        of which it was not known yet how it is pushed was made half transparent, and never was then. What
        there is of it are the pixels that differ from what may be behind."""
        first, ahead, fine = first.float(), ahead.float(), picture.shape[-1] // first.shape[-1]
        cells = self.cells(torch.cat([first, ahead], 1)).float()
        kind = F.normalize(cells, dim=1).flatten(2)
        peak, left = self.peaks(ahead, kind.detach())
        own = kind.gather(2, peak[:, None].expand(-1, kind.shape[1], -1)).transpose(1, 2)
        mask = self.reached(ahead, peak) * self.owned(kind, own, peak, left)
        large = F.interpolate(mask, scale_factor=fine, mode="bilinear") if fine > 1 else mask
        large = (self.WIDE * large).clamp(max=1)
        filled = self.filled(picture, mask)
        unlike = (picture - filled.detach()).abs().amax(1, keepdim=True)
        cover = large.amax(1, keepdim=True)
        behind = picture + cover * (filled - picture)
        wide, large = large, large * (self.UNLIKE * (unlike / self.LEAST - 1)).sigmoid()
        plain = picture[:, None].expand(-1, mask.shape[1], -1, -1, -1)
        still = first.new_zeros(*mask.shape[:2], 3)
        things = torch.cat([plain, large[:, :, None]], 2)
        chosen = (self.ALIKE * self.choice(own).float()).softmax(-1)
        # Where one touches another is told by their pixels; one without any is somewhere, too.
        center = centers(large + 0.1 * wide) / fine
        return CutScene(fine, things, behind, center, still, chosen, own)

    def filled(self, picture: Tensor, mask: Tensor) -> Tensor:
        """A picture [N, 3, H, W] as it would be without what masks [N, L, h, w] cover, told by what is around
        it: its mean, and what convolutions make of it."""
        told = self.config.fine
        small = F.avg_pool2d(picture, picture.shape[-1] // (told * mask.shape[-1]))
        clear = 1 - mask.amax(1, keepdim=True).detach()
        seen = F.pixel_unshuffle(small, told) * clear
        count = F.avg_pool2d(clear, self.AROUND, stride=1, padding=self.AROUND // 2).clamp(min=1e-3)
        mean = F.avg_pool2d(seen, self.AROUND, stride=1, padding=self.AROUND // 2) / count
        mean = mean.reshape(len(mean), 3, told**2, *mean.shape[-2:]).mean(2).repeat_interleave(told**2, 1)
        found = mean + self.behind(torch.cat([seen, clear, mean], 1)).float()
        return F.interpolate(F.pixel_shuffle(found, told), picture.shape[-2:], mode="bilinear")

    def reached(self, ahead: Tensor, peak: Tensor) -> Tensor:
        """Which cells are of things [N, L, h, w] that were found at cells [N, L], by how likely each is to
        change beside that one: one that is HALF as likely as that is opaque."""
        likely = ahead[:, -1].sigmoid().flatten(1)
        most = likely.gather(1, peak)[..., None, None].clamp(min=self.FAINT)
        near = window(distances(peak, *self.where.shape[-2:]) / self.NEAR**2)
        share = likely.reshape(-1, 1, *self.where.shape[-2:]) / most
        return torch.as_tensor((self.CLEAR * (share.clamp(max=1) * near - self.HALF)).sigmoid())

    def peaks(self, ahead: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor]:
        """Cells [N, L] around which most is likely to change [N, C + 1, h, w], each once what is near and
        alike [N, K, h * w] those before is taken away, and how likely it was then [N, L]: a robot and what it
        touches are two things."""
        height, width = self.where.shape[-2:]
        high = F.avg_pool2d(ahead[:, -1:].float().sigmoid(), 3, stride=1, padding=1)[:, 0]
        found, left = [], []
        for _ in range(self.config.layers):
            most, cell = high.flatten(1).max(1, keepdim=True)
            found.append(cell)
            left.append(most)
            own = kinds.gather(2, cell[:, None].expand(-1, kinds.shape[1], -1)).transpose(1, 2)
            alike = (self.ALIKE * ((own @ kinds) - 0.5)).sigmoid().reshape(high.shape)
            gap = distances(cell, height, width)[:, 0] / self.NEAR**2
            high = (high * (1 - alike * window(gap))).masked_fill(gap * self.NEAR**2 <= 1, 0)
        return torch.cat(found, 1), torch.cat(left, 1)

    def owned(self, kinds: Tensor, own: Tensor, peak: Tensor, left: Tensor) -> Tensor:
        """How much each cell is of each thing [N, L, h, w], by features of cells [N, K, h * w], of things
        [N, L, K], the cells [N, L] where these were found, and how likely each then was [N, L]: what was less
        so is mostly the rim of what was found before."""
        height, width = self.where.shape[-2:]
        alike = (own @ kinds).reshape(*peak.shape, height, width)
        gap = distances(peak, height, width) / self.NEAR**2
        likely = self.RATHER * left.clamp(min=1e-3).log()[..., None, None]
        return torch.as_tensor((self.ALIKE * alike - gap + likely).softmax(1))

    def go(self, scene: CutScene, sent: Tensor) -> CutScene:
        """What comes of a scene when actions of the last and of this beat [N, 2 * beat * A] are sent."""
        frame, masks = scene.drawn
        where = self.where.expand(len(frame), -1, -1, -1)
        cells = F.pixel_unshuffle(F.avg_pool2d(frame, scene.fine // self.config.fine), self.config.fine)
        x = self.seen(torch.cat([cells, masks.sum(1, keepdim=True), where], 1))
        x = steered(x, self.moving, self.move_ways(sent))
        flow = self.flow(F.silu(x)).float()
        weight = masks / masks.sum((2, 3), keepdim=True).clamp(min=1e-3)
        step = torch.einsum("nlhw,nkhw->nlk", weight, flow)
        straight = scene.chosen[..., :-1] @ self.sent(sent).float().unflatten(1, (self.WAYS, 2))
        step = step + F.pad(straight, (0, 1))
        return replace(scene, ways=scene.ways + step + self.met(scene, step, sent))

    def met(self, scene: CutScene, step: Tensor, sent: Tensor) -> Tensor:
        """What things do to one another [N, L, 3] that would go by steps [N, L, 3]."""
        place, many = scene.center + scene.ways[..., :2], scene.center.shape[1]

        def of_one(value: Tensor) -> Tensor:
            return value[:, :, None].expand(-1, -1, many, -1)

        def of_other(value: Tensor) -> Tensor:
            return value[:, None].expand(-1, many, -1, -1)

        apart = (of_other(place) - of_one(place)) / self.NEAR
        far = (apart**2).sum(-1, keepdim=True).add(1e-6).sqrt()
        turn = of_one(scene.ways[..., 2:])
        said = sent[:, None, None].expand(-1, many, many, -1)
        both = (of_one(scene.kinds), of_other(scene.kinds), of_one(step), of_other(step[..., :2]))
        does = self.meeting(torch.cat([*both, apart, far, turn, said], -1)).float()
        others = 1 - torch.eye(many, device=does.device)
        return torch.as_tensor((does * others[..., None]).sum(2))


def window(gap: Tensor) -> Tensor:
    """How much of what is so far away, in squares of NEAR, a thing may reach."""
    return torch.exp(-(gap**2) / 4)


def distances(cells: Tensor, height: int, width: int) -> Tensor:
    """Squared distances, in cells, from cells [N, L] to all [N, L, h, w]."""
    rows, columns = (torch.arange(size, device=cells.device).float() for size in (height, width))
    down = (rows - (cells // width)[..., None]) ** 2
    right = (columns - (cells % width)[..., None]) ** 2
    return torch.as_tensor(down[..., :, None] + right[..., None, :])
