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
        self.plain = nn.GroupNorm(8, hidden, affine=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x [N, channels, h, w], condition [N, condition] to [N, 3 * maps]: y and x in -1..1, and
        how high."""
        scale, shift = self.modulate(condition)[:, :, None, None].chunk(2, 1)
        x = F.silu(self.norms[0](self.seen(x) + self.at(self.where)) * (1 + scale) + shift)
        x = self.again(x)
        if self.blocks:
            ways = self.ways(condition).unflatten(1, (len(self.blocks), 2, -1))[..., None, None]
            for block, way in zip(self.blocks, ways.unbind(1), strict=True):
                x = x + block(F.silu(self.plain(x) * (1 + way[:, 0]) + way[:, 1]))
        maps = self.high(F.silu(self.norms[1](x))).float().flatten(2)
        place = maps.softmax(-1) @ self.where[0, :2].flatten(1).T
        return torch.cat([place.flatten(1), maps.logsumexp(-1) / 8], 1)
