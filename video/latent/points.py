"""Points: where in a picture its things are, to a fraction of a cell."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from video.latent.copying import coordinates


class Points(nn.Module):
    """Means of the places where maps of a picture are high (spatial softmax, Levine et al., "End-to-end
    training of deep visuomotor policies", 2016).

    Args:
        channels, rows, columns: of a picture [channels, rows, columns].
        condition: numbers by which the first features are modulated.
        maps: points a picture.
        hidden: features, a multiple of 8.
        blocks: residual convolutions before the maps, each modulated by the condition (FiLM, Perez et al.,
            2018).
    """

    where: Tensor
    """[1, known, rows, columns]."""

    def __init__(
        self,
        channels: int,
        rows: int,
        columns: int,
        *,
        condition: int,
        maps: int,
        hidden: int = 24,
        blocks: int = 0,
    ) -> None:
        super().__init__()
        where = coordinates(rows, columns)
        self.register_buffer("where", where, persistent=False)
        self.maps, self.size = maps, 3 * maps
        """Numbers that come out."""
        self.seen = nn.Conv2d(channels, hidden, 3, padding=1)
        self.at = nn.Conv2d(where.shape[1], hidden, 1)
        self.modulate = nn.Linear(condition, 2 * hidden)
        self.norms = nn.ModuleList([nn.GroupNorm(8, hidden) for _ in range(2)])
        self.again = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.high = nn.Conv2d(hidden, maps, 3, padding=1)
        self.blocks = nn.ModuleList([nn.Conv2d(hidden, hidden, 3, padding=1) for _ in range(blocks)])
        self.ways = nn.Linear(condition, 2 * blocks * hidden) if blocks else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x [N, channels, h, w], condition [N, condition] to [N, 3 * maps]: y and x in -1..1, and
        how high."""
        scale, shift = self.modulate(condition)[:, :, None, None].chunk(2, 1)
        x = F.silu(self.norms[0](self.seen(x) + self.at(self.where)) * (1 + scale) + shift)
        x = self.again(x)
        if self.blocks:
            x = steered(x, self.blocks, self.ways(condition))
        return found(self.high(F.silu(self.norms[1](x))), self.where)


def steered(x: Tensor, convs: nn.ModuleList, ways: Tensor) -> Tensor:
    """Residual convolutions of x [N, hidden, h, w], each modulated by its part of ways
    [N, 2 * len(convs) * hidden] (FiLM, Perez et al., 2018)."""
    parts = ways.reshape(len(x), len(convs), 2, -1, 1, 1)
    for conv, part in zip(convs, parts.unbind(1), strict=True):
        scale, shift = part.unbind(1)
        x = x + conv(F.silu(F.group_norm(x, 8) * (1 + scale) + shift))
    return x


def found(maps: Tensor, where: Tensor) -> Tensor:
    """Where maps [N, M, h, w] are high by the coordinates where [1, known, h, w], and how high: [N, 3 * M]
    (spatial softmax)."""
    maps = maps.float().flatten(2)
    place = maps.softmax(-1) @ where[0, :2].flatten(1).T
    return torch.cat([place.flatten(1), maps.logsumexp(-1) / 8], 1)
