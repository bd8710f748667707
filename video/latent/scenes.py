"""A picture in parts: things that were cut out of it, and how they are drawn where they went."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class CutScene:
    """A first frame in parts.

    Args:
        things: L of them with their masks [N, L, 4, H, W], pixels.
        behind: what is seen where nothing of them is [N, 3, H, W].
        center: of each [N, L, 2], x and y in cells from the middle.
        ways: how far each went and turned by now [N, L, 3], cells and radians.
        chosen: which of some ways each goes that is sent itself [N, L, ways].
        kinds: what each is like [N, L, kinds].
    """

    fine: int
    """Pixels of a cell's side."""
    things: Tensor
    behind: Tensor
    center: Tensor
    ways: Tensor
    chosen: Tensor
    kinds: Tensor

    @cached_property
    def drawn(self) -> tuple[Tensor, Tensor]:
        """The picture as it is now [N, 3, H, W], one thing over the other, and masks [N, L, h, w]."""
        ways = torch.cat([self.fine * self.ways[..., :2], self.ways[..., 2:]], -1)
        moved = turned(self.things, ways, self.fine * self.center)
        frame = self.behind
        for k in range(moved.shape[1]):
            mask = moved[:, k, -1:]
            frame = frame * (1 - mask) + moved[:, k, :-1] * mask
        return frame, F.avg_pool2d(moved[:, :, -1], self.fine)


def centers(mask: Tensor) -> Tensor:
    """Of masks [N, L, h, w], x and y in cells from the middle [N, L, 2]."""
    height, width = mask.shape[-2:]
    x = torch.arange(width, device=mask.device) + 0.5 - width / 2
    y = torch.arange(height, device=mask.device) + 0.5 - height / 2
    weight = mask**4  # of what is surely of it
    weight = weight / weight.sum((2, 3), keepdim=True).clamp(min=1e-6)
    return torch.stack([(weight.sum(2) * x).sum(-1), (weight.sum(3) * y).sum(-1)], -1)


def turned(pictures: Tensor, ways: Tensor, center: Tensor) -> Tensor:
    """Pictures [N, L, C, H, W] moved by ways [N, L, 3] (x and y in pixels, radians about centers [N, L, 2]);
    nothing comes from beyond the edge."""
    height, width = pictures.shape[-2:]
    half = ways.new_tensor([width / 2, height / 2])
    cos, sin = ways[..., 2].cos(), ways[..., 2].sin()
    # Where each pixel comes from: turned back about where the center is now.
    back = torch.stack([torch.stack([cos, sin], -1), torch.stack([-sin, cos], -1)], -2)
    offset = center - (back @ (center + ways[..., :2])[..., None])[..., 0]
    theta = torch.cat([back * half / half[:, None], (offset / half)[..., None]], -1)
    flat: Any = pictures.flatten(0, 1)
    grid = F.affine_grid(theta.flatten(0, 1), list(flat.shape), align_corners=False)
    found = F.grid_sample(flat, grid, padding_mode="zeros", align_corners=False)
    return found.reshape(pictures.shape)
