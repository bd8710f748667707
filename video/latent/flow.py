"""Flow: where each pixel of the next frame was seen before, and what was seen nowhere yet."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

BEAT = 2
"""Control steps that are told at a time at most: what is pushed goes less far than it is wide."""
CELL = 4
"""Pixels of a cell's side, of which convolutions see so many at once, and of which flows are told."""


@dataclass(frozen=True)
class FlowScene:
    """Frames [N, 3, H, W] in -1..1: as it is now, and a beat earlier."""

    frame: Tensor
    before: Tensor

    def detached(self) -> FlowScene:
        """Without a gradient to what came before."""
        return FlowScene(self.frame.detach(), self.before.detach())

    def where(self, which: Tensor, other: FlowScene) -> FlowScene:
        """Of another one the scenes that are chosen [N]."""
        chosen = which[:, None, None, None]
        frame = torch.where(chosen, other.frame, self.frame)
        return FlowScene(frame, torch.where(chosen, other.before, self.before))


class FlowDynamics(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Tells what a beat of actions makes of a frame by where each of its pixels comes from.

    Appearance flow (Zhou et al., "View synthesis by appearance flow", 2016): a U-Net tells for each cell of
    the next frame where what may come there was in this one, and for each pixel whether it came, stayed, or
    is painted, since nothing like it was seen where it left (masks, as of Finn et al., "Unsupervised learning
    for physical interaction through video prediction", 2016). Of a flow a part is what is sent times a matrix
    that is learned, the same everywhere, and frames that have gone that way are looked at beside this one:
    that is how a robot goes. Pixels are taken between others by cubic interpolation: by bilinear one, what is
    pushed for long would blur. Convolutions alone, normed cell by cell: what a push does is the same wherever
    it happens, and so it learns from pieces of frames.

    Args:
        actions: A, numbers of an action.
        beat: control steps from a frame to the next.
        widths: features of cells, of four of them, and of sixteen.
        condition: numbers that tell actions.
        ways: matrices of what is sent.
        fine: features of pixels.
    """

    @register_to_config
    def __init__(
        self,
        *,
        actions: int,
        beat: int,
        widths: tuple[int, int, int] = (64, 96, 128),
        condition: int = 128,
        ways: int = 2,
        fine: int = 16,
    ) -> None:
        super().__init__()
        thin, half, wide = widths
        sent = 2 * beat * actions
        self.told = nn.Sequential(
            nn.Linear(sent, condition), nn.SiLU(), nn.Linear(condition, condition), nn.SiLU()
        )
        self.shifts = nn.Linear(sent, 2 * ways, bias=False)
        self.stem = nn.Conv2d(3 * (2 + ways) * CELL**2, thin, 3, padding=1)
        self.seen = nn.ModuleList([_Cells(thin, condition), _Cells(half, condition)])
        self.down = nn.ModuleList([nn.Conv2d(a, b, 2, stride=2) for a, b in ((thin, half), (half, wide))])
        self.coarse = _Several(3, wide, condition)
        self.up = nn.ModuleList(
            [nn.ConvTranspose2d(a, b, 2, stride=2) for a, b in ((wide, half), (half, thin))]
        )
        self.drawn = nn.ModuleList([_Several(2, width, condition) for width in (half, thin)])
        self.last = nn.Conv2d(thin, 2 + ways + 3 + fine, 3, padding=1)
        self.pixels = nn.Conv2d(9 + fine, fine, 3, padding=1)
        self.kinds = nn.Conv2d(fine, 3, 3, padding=1)
        nn.init.zeros_(self.last.weight[: 5 + ways])
        for layer in (self.last, self.kinds):
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        nn.init.normal_(self.shifts.weight)
        self.to(memory_format=torch.channels_last)

    def begin(self, picture: Tensor, before: Tensor | None = None) -> FlowScene:
        """Of a picture [N, 3, H, W] in -1..1, and the one a beat before it where that was seen."""
        return FlowScene(picture, picture if before is None else before)

    def forward(self, now: Tensor, before: Tensor, sent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Frames [N, 3, H, W] and what was sent in the last beat and is sent now [N, 2 * beat * A] to flows
        in pixels [N, 2, H, W], the shares of what stayed, came and is painted [N, 3, H, W], and in which
        colours [N, 3, H, W]."""
        height, width = now.shape[-2:]
        whole = 4 * CELL
        ways = self.shifts(sent).float().unflatten(1, (-1, 2, 1, 1))
        gone = [sampled(now, places(now) + way.detach()) for way in ways.unbind(1)]
        seen = F.pad(torch.cat([now, now - before, *gone], 1), (0, -width % whole, 0, -height % whole))
        condition = self.told(sent)
        x = self.stem(F.pixel_unshuffle(seen, CELL).contiguous(memory_format=torch.channels_last))
        skips = []
        for block, down in zip(self.seen, self.down, strict=True):
            skips.append(block(x, condition))
            x = down(skips[-1])
        x = self.coarse(x, condition)
        for up, block in zip(self.up, self.drawn, strict=True):
            x = block(up(x) + skips.pop(), condition)
        found = F.interpolate(self.last(F.silu(_normed(x))).float(), scale_factor=CELL, mode="bilinear")
        found = found[..., :height, :width]
        own, share, colors, told = torch.split(found, [2, ways.shape[1], 3, self.config.fine], 1)
        flow = own + (share[:, :, None] * ways).sum(1)
        colors = (colors + now).clamp(-1, 1)
        both = torch.cat([now, sampled(now, places(now) + flow), colors, told], 1)
        kinds = self.kinds(F.silu(self.pixels(both.contiguous(memory_format=torch.channels_last))))
        odds = kinds.float() + kinds.new_tensor(FIRST)[:, None, None]
        shares = (odds if self.training else SURE * odds).softmax(1)
        return flow, shares, colors

    def go(self, scene: FlowScene, sent: Tensor) -> FlowScene:
        """What comes of a scene when actions of the last and of this beat [N, 2 * beat * A] are sent."""
        return FlowScene(mixed(scene.frame, *self(scene.frame, scene.before, sent)), scene.frame)


FIRST = (2.0, 0.0, -1.0)
"""Log odds, before anything was learned, that a pixel stayed, came, or is painted."""
SURE = 2.0
"""By how much these are multiplied in use: what is the mean of both again and again blurs."""


def mixed(now: Tensor, flow: Tensor, shares: Tensor, colors: Tensor) -> Tensor:
    """The frame [N, 3, H, W] that comes of one by what `FlowDynamics.forward` told of it."""
    still, came, share = torch.split(shares, 1, 1)
    there = sampled(now, places(flow) + flow, "bicubic")
    return torch.as_tensor((still * now + came * there + share * colors).clamp(-1, 1))


def sampled(pictures: Tensor, place: Tensor, mode: str = "bilinear") -> Tensor:
    """Pictures [N, C, H, W] at places [N, 2, H', W'], x and y in pixels; beyond the edge is the edge."""
    half = place.new_tensor([pictures.shape[-1] / 2, pictures.shape[-2] / 2])[:, None, None]
    grid = ((place + 0.5) / half - 1).permute(0, 2, 3, 1)
    return F.grid_sample(pictures, grid, mode=mode, padding_mode="border", align_corners=False)


def places(picture: Tensor) -> Tensor:
    """x and y of each pixel [1, 2, H, W] of pictures [N, C, H, W]."""
    height, width = picture.shape[-2:]
    x, y = torch.arange(width, device=picture.device), torch.arange(height, device=picture.device)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))[None].float()


def _normed(x: Tensor) -> Tensor:
    """Each cell by itself: what is seen around it in a piece of a frame is not what is seen in all of it."""
    return F.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2]).permute(0, 3, 1, 2)


class _Cells(nn.Module):
    """A residual block of convolutions, modulated by a vector (FiLM, Perez et al., 2018)."""

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(2)])
        self.modulate = nn.Linear(condition, 2 * width)
        nn.init.zeros_(self.convs[1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x [N, width, h, w]; condition [N, condition]."""
        scale, shift = self.modulate(condition)[:, :, None, None].chunk(2, 1)
        y = self.convs[0](F.silu(_normed(x) * (1 + scale) + shift))
        return torch.as_tensor(x + self.convs[1](F.silu(_normed(y))))


class _Several(nn.ModuleList):
    """Such blocks, one after the other."""

    def __init__(self, count: int, width: int, condition: int) -> None:
        super().__init__([_Cells(width, condition) for _ in range(count)])

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x [N, width, h, w]."""
        for block in self:
            x = block(x, condition)
        return x
