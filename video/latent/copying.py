"""Copying from a first frame: what moves was seen before, elsewhere."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def coordinates(rows: int, columns: int, bands: int = 5) -> Tensor:
    """Where cells are, as waves (Tancik et al., "Fourier features", 2020): [1, 2 + 4 * bands, rows,
    columns]."""
    x, y = torch.linspace(-1, 1, columns), torch.linspace(-1, 1, rows)
    place = torch.stack(torch.meshgrid(y, x, indexing="ij"))
    turned = [place * math.pi * 2.0 ** (band - 1) for band in range(bands)]
    return torch.cat([place, *(wave(t) for t in turned for wave in (torch.sin, torch.cos))])[None]


class Copied(nn.Module):
    """What each cell copies of the first frame, less what is there, and how much of it counts."""

    SIZE = 16
    """Of queries and keys; at least the channels of a latent."""

    def __init__(self, frames: int, channels: int, thin: int, known: int) -> None:
        super().__init__()
        self.size = max(self.SIZE, channels)
        self.query = nn.Conv2d(thin + known, frames * self.size, 1)
        self.key = nn.Sequential(
            nn.Conv2d(channels + known, thin, 3, padding=1), nn.SiLU(),
            nn.Conv2d(thin, self.size, 3, padding=1),
        )  # fmt: skip
        self.gate = nn.Conv2d(thin, frames, 3, padding=1)
        nn.init.zeros_(self.gate.weight)
        nn.init.constant_(self.gate.bias, -1.0)  # type: ignore[arg-type]

    def forward(self, first: Tensor, drawn: Tensor, where: Tensor, asked: Tensor, gate: Tensor) -> Tensor:
        """first [N, C, h, w], drawn [N, thin, h, w], where [1, known, h, w] to [N, T, C, h, w]; asked
        [N, T, size, h, w] and gate [N, T, h, w] are added to its own."""
        where = where.expand(len(first), -1, -1, -1)
        query = self.query(torch.cat([drawn, where], 1)).unflatten(1, (-1, self.size))
        query = (query + asked).flatten(3)
        key = self.key(torch.cat([first, where], 1)).flatten(2)[:, None].expand_as(query)
        value = F.pad(first.flatten(2), (0, 0, 0, self.size - first.shape[1]))[:, None].expand_as(query)
        # In one piece each and, on a CPU, at full precision: three times as fast as in halves or strides.
        query, key, value = (p.float().transpose(2, 3).contiguous() for p in (4 * query, key, value))
        with torch.autocast("cpu", enabled=False):
            found: Tensor = F.scaled_dot_product_attention(query, key, value)[..., : first.shape[1]]
        found = found.transpose(2, 3).reshape(*gate.shape[:2], *first.shape[1:])
        return torch.as_tensor((self.gate(drawn) + gate).sigmoid()[:, :, None] * (found - first[:, None]))
