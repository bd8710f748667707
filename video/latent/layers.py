"""Layers: things of the first frame that move as wholes, each along a way of its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Layers(nn.Module):
    """Cuts things out of the first frame by masks and shifts each by a step of its own for every frame (as
    in Finn et al., "Unsupervised learning for physical interaction through video prediction", 2016). A robot
    that is sent somewhere is found there by a linear map of what it was sent, wherever it began.

    Args:
        channels: C, of a latent frame.
        width: of a frame's token.
        thin: features of a cell.
        known: numbers that tell where a cell is.
        sent: numbers that tell a frame's actions.
    """

    COUNT, SIZE = 4, 24
    """Layers, and numbers of a likeness."""
    CLEAR, SPREAD, SURE = -2.0, 0.05, 4.0
    """Before anything is learned little is cut out, and each layer is sent another way: were all of them left
    where they are, nothing would tell what to cut out. Nor is a token's doubt, which is learned later."""

    def __init__(self, channels: int, width: int, thin: int, known: int, sent: int) -> None:
        super().__init__()
        self.cells = nn.Sequential(
            nn.Conv2d(channels + known, thin, 3, padding=1), nn.SiLU(),
            nn.Conv2d(thin, self.COUNT * self.SIZE, 3, padding=1),
        )  # fmt: skip
        self.thing = nn.Linear(width, self.COUNT * self.SIZE)
        self.behind = nn.Sequential(
            nn.Conv2d(channels + self.COUNT, thin, 5, padding=2), nn.SiLU(),
            nn.Conv2d(thin, channels, 3, padding=1),
        )  # fmt: skip
        """What is seen where a thing was taken away, less the thing."""
        self.met = nn.Sequential(nn.Linear(width + sent, width), nn.SiLU(), nn.Linear(width, width))
        """What comes of the actions for things that are not sent anywhere themselves."""
        self.told, self.sure = nn.Linear(width, width), nn.Linear(width, self.COUNT)
        self.way = nn.Sequential(nn.SiLU(), nn.Linear(width, self.COUNT * 2))
        self.sent = nn.Linear(sent, self.COUNT * 2, bias=False)
        for layer in (self.told, self.way[1], self.sure):
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        nn.init.constant_(self.sure.bias, self.SURE)
        nn.init.normal_(self.sent.weight, std=self.SPREAD)
        self.clear = nn.Parameter(torch.full((self.COUNT, 1, 1), self.CLEAR))

    def forward(
        self, first: Tensor, named: Tensor, sent: Tensor, where: Tensor, tokens: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """first [N, C, h, w], named [N, width], sent [N, T, sent], where [1, known, h, w], tokens
        [N, T, width] of the large network or None, to changes of the first frame [N, T, C, h, w] and masks
        [N, T, COUNT, h, w]."""
        frames, first = sent.shape[1], first.float()
        mask = self.cut(first, named, where)
        met = self.met(torch.cat([named[:, None].expand(-1, frames, -1), sent], -1))
        ways = self.sent(sent) + self.way(met if tokens is None else met + self.told(tokens))
        plain = first[:, None].expand(-1, self.COUNT, -1, -1, -1)
        things = torch.cat([plain, mask[:, :, None]], 2)[:, None].expand(-1, frames, -1, -1, -1, -1)
        moved = shifted(things, ways.unflatten(2, (self.COUNT, 2)).float())
        masks = moved[..., -1, :, :]
        if tokens is not None:
            # Where a thing goes is not known while the actions are noise. Were it drawn there all the same,
            # it would be wrong twice, and the layers would learn not to cut it out at all.
            masks = masks * self.sure(tokens).sigmoid()[..., None, None].float()
        change = (masks[..., None, :, :] * (moved[..., :-1, :, :] - first[:, None, None])).sum(2)
        left = mask.sum(1).clamp(max=1)[:, None] * (1 - masks.sum(2).clamp(max=1))
        behind = self.behind(torch.cat([first, mask], 1)).float()
        return change + left[:, :, None] * behind[:, None], masks

    def cut(self, first: Tensor, named: Tensor, where: Tensor) -> Tensor:
        """Masks [N, COUNT, h, w] of the first frame, in 0..1."""
        cells = self.cells(torch.cat([first, where.expand(len(first), -1, -1, -1)], 1))
        cells = cells.unflatten(1, (self.COUNT, self.SIZE)).float()
        thing = self.thing(named).unflatten(1, (self.COUNT, self.SIZE)).float()
        alike = (cells * thing[..., None, None]).sum(2) / self.SIZE**0.5
        return torch.as_tensor((alike + self.clear).sigmoid())


def shifted(pictures: Tensor, ways: Tensor) -> Tensor:
    """Pictures [..., C, h, w] shifted by ways [..., 2], x and y in halves of the whole; nothing comes from
    beyond the edge."""
    flat, shift = pictures.flatten(0, -4), ways.flatten(0, -2)
    height, width = flat.shape[-2:]
    x = (torch.arange(width, device=flat.device) * 2 + 1) / width - 1
    y = (torch.arange(height, device=flat.device) * 2 + 1) / height - 1
    grid = torch.stack([x.expand(height, -1), y[:, None].expand(-1, width)], -1)
    found = F.grid_sample(flat, grid - shift[:, None, None], padding_mode="zeros", align_corners=False)
    return found.reshape(pictures.shape)
