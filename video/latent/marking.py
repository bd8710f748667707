"""Marking of cells by frames: each frame's token says where in the picture its things are."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Marked(nn.Module):
    """Maps of a token's likeness to every cell (as in MaskFormer, Cheng et al., 2021), and what is drawn of
    them. A place that a token has settled on, such as where summed actions lead to, is on the right cells of
    the right frame at once, and need not pass through features that all frames share."""

    MAPS, SIZE, LEAN, DRAWN = 8, 24, 12, 32
    """Maps a frame, numbers of a likeness, features of a cell that go along, features of the head."""

    def __init__(self, channels: int, asked: int, width: int, thin: int, known: int, masks: int) -> None:
        super().__init__()
        self.split = (channels, asked, 1)
        self.cells = nn.Conv2d(thin + known, self.MAPS * self.SIZE, 1)
        self.token = nn.Linear(width, self.MAPS * self.SIZE)
        self.lean = nn.Conv2d(thin, self.LEAN, 1)
        self.near = nn.Conv2d(self.LEAN + self.MAPS + masks, self.DRAWN, 3, padding=1)
        self.head = nn.Conv2d(self.DRAWN, sum(self.split), 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(
        self, tokens: Tensor, drawn: Tensor, where: Tensor, masks: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """tokens [N, T, width], drawn [N, thin, h, w], where [1, known, h, w], masks
        [N, T, masks, h, w] that are known already, to changes [N, T, channels, h, w], what is asked for
        [N, T, asked, h, w] and gates [N, T, h, w]."""
        count, frames = tokens.shape[:2]
        cells = self.cells(torch.cat([drawn, where.expand(count, -1, -1, -1)], 1))
        cells = cells.unflatten(1, (self.MAPS, self.SIZE)).flatten(3)
        token = self.token(tokens).unflatten(2, (self.MAPS, self.SIZE)).transpose(1, 2)
        maps = (token @ cells / self.SIZE**0.5).sigmoid().transpose(1, 2)
        maps = maps.unflatten(3, drawn.shape[2:])
        lean = self.lean(drawn)[:, None].expand(-1, frames, -1, -1, -1)
        near = nn.functional.silu(self.near(torch.cat([lean, maps, masks.to(maps.dtype)], 2).flatten(0, 1)))
        change, asked, gate = self.head(near).unflatten(0, (count, frames)).split(self.split, 2)
        return change, asked, gate[:, :, 0]
