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


def beat_of(stride: int) -> int:
    """Control steps of a beat, of which some make a stride from frame to frame."""
    return max(beat for beat in range(1, BEAT + 1) if stride % beat == 0)


class Rolling(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """What a few actions do, told again and again.

    Things are cut out once and moved as wholes (as in Finn et al., "Unsupervised learning for physical
    interaction through video prediction", 2016), so that nothing blurs however long it goes on. Each is found
    where most is expected to change, apart from the others, and reaches no further than NEAR: one that was
    in two places would go the mean of both ways. How it moves is read where it then is, from convolutions
    over the frame as it is drawn by then (the mean over its mask): what a push does is the same wherever it
    happens, whatever is pushed. What one does to another is told from where it is from there, to a fraction
    of a cell, and how it goes (an interaction network, Battaglia et al., 2016): little else is needed where
    a robot touches something.

    Args:
        channels, height, width: of a latent frame [C, h, w].
        actions: A, numbers of an action.
        beat: of how many actions is told at a time.
        layers: L, things at most.
        hidden: features of a cell.
        blocks: residual convolutions.
        told: numbers in which actions are put.
    """

    CLEAR, NEAR, ALIKE, KINDS = 4.0, 1.8, 8.0, 8
    """How clearly a cell is of a thing or not; cells that a thing reaches; by how much a cell is rather of
    what it is like; numbers of that."""
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
            nn.Conv2d(channels + 1, hidden, 5, padding=2), nn.SiLU(),
            nn.Conv2d(hidden, channels, 3, padding=1),
        )  # fmt: skip
        self.seen = nn.Conv2d(channels + 1 + known, hidden, 3, padding=1)
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
        for layer in (self.flow, self.behind[2], self.meeting[4]):
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)

    def begin(self, first: Tensor, ahead: Tensor) -> CutScene:
        """Cut a first frame [N, C, h, w] by how the prior expects it to change [N, C + 1, h, w], see
        `ActionPrior.look_ahead`: that is what words are about. Masks are the prior's alone: while they
        learned how they had to be for the frames to come, a thing of which it was not known yet how it
        is pushed was made half transparent, and never was then."""
        first = first.float()
        cells = self.cells(torch.cat([first, ahead], 1)).float()
        kind = F.normalize(cells, dim=1).flatten(2)
        peak = self.peaks(ahead, kind.detach())
        own = kind.gather(2, peak[:, None].expand(-1, kind.shape[1], -1)).transpose(1, 2)
        mask = (self.CLEAR * ahead[:, -1:].float()).sigmoid() * self.owned(kind, own, peak)
        behind = (
            first
            + mask.amax(1, keepdim=True)
            * self.behind(torch.cat([first, mask.sum(1, keepdim=True)], 1)).float()
        )
        plain = first[:, None].expand(-1, mask.shape[1], -1, -1, -1)
        still = first.new_zeros(*mask.shape[:2], 3)
        things = torch.cat([plain, mask[:, :, None]], 2)
        chosen = (self.ALIKE * self.choice(own).float()).softmax(-1)
        return CutScene(things, behind, centers(mask), still, chosen, own)

    def peaks(self, ahead: Tensor, kinds: Tensor) -> Tensor:
        """Cells [N, L] around which most is likely to change [N, C + 1, h, w], each once what is near and
        alike [N, K, h * w] those before is taken away: a robot and what it touches are two things."""
        height, width = self.where.shape[-2:]
        high = F.avg_pool2d(ahead[:, -1:].float().sigmoid(), 3, stride=1, padding=1)[:, 0]
        found = []
        for _ in range(self.config.layers):
            cell = high.flatten(1).argmax(1, keepdim=True)
            found.append(cell)
            own = kinds.gather(2, cell[:, None].expand(-1, kinds.shape[1], -1)).transpose(1, 2)
            alike = (self.ALIKE * ((own @ kinds) - 0.5)).sigmoid().reshape(high.shape)
            gap = distances(cell, height, width)[:, 0] / self.NEAR**2
            high = (high * (1 - alike * window(gap))).masked_fill(gap * self.NEAR**2 <= 1, 0)
        return torch.cat(found, 1)

    def owned(self, kinds: Tensor, own: Tensor, peak: Tensor) -> Tensor:
        """How much each cell is of each thing [N, L, h, w], by features of cells [N, K, h * w], of things
        [N, L, K], and the cells [N, L] where these were found."""
        height, width = self.where.shape[-2:]
        alike = (own @ kinds).reshape(*peak.shape, height, width)
        gap = distances(peak, height, width) / self.NEAR**2
        return torch.as_tensor((self.ALIKE * alike - gap).softmax(1) * window(gap))

    def go(self, scene: CutScene, sent: Tensor) -> CutScene:
        """What comes of a scene when actions of the last and of this beat [N, 2 * beat * A] are sent."""
        frame, masks = scene.drawn
        where = self.where.expand(len(frame), -1, -1, -1)
        x = self.seen(torch.cat([frame, masks.sum(1, keepdim=True), where], 1))
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
