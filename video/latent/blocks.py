"""Blocks of the network of video and action: attention, convolutions, and what reads words."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from video.latent.text import MAX_TOKENS


class ModulatedBlock(nn.Module):
    """A pre-norm block with QK-norm; modulated by one shared projection and a bias of its own (adaLN-single,
    Chen et al., "PixArt-alpha", 2023)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU("tanh"), nn.Linear(4 * width, width))
        self.norms = nn.ModuleList([nn.LayerNorm(width, elementwise_affine=False) for _ in range(2)])
        self.q_norm, self.k_norm = (nn.RMSNorm(width // heads, elementwise_affine=False) for _ in range(2))
        self.bias = nn.Parameter(torch.zeros(6 * width))

    def forward(self, x: Tensor, mask: Tensor | None, shift: Tensor | None = None) -> Tensor:
        """x [N, L, width]; mask [N, 1, 1, L] True where a token may be looked at; shift [N, L, 6 * width]."""
        parts = self.bias if shift is None else self.bias + shift
        a, b, gate, c, d, gate2 = parts.chunk(6, -1)
        x = x + (1 + gate) * self.attend(self.norms[0](x) * (1 + a) + b, mask)
        return torch.as_tensor(x + (1 + gate2) * self.mlp(self.norms[1](x) * (1 + c) + d))

    def attend(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Self-attention."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q, k = self.q_norm(q).to(v.dtype), self.k_norm(k).to(v.dtype)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return torch.as_tensor(self.out(mixed.transpose(1, 2).flatten(2)))


class Convolved(nn.Module):
    """A residual block of convolutions, modulated by a vector (Dhariwal and Nichol, 2021)."""

    def __init__(self, before: int, after: int, condition: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(8, before), nn.GroupNorm(8, after, affine=False)])
        self.convs = nn.ModuleList(
            [nn.Conv2d(before, after, 3, padding=1), nn.Conv2d(after, after, 3, padding=1)]
        )
        self.modulate = nn.Linear(condition, 2 * after)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        nn.init.zeros_(self.convs[1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x [N, before, h, w] to [N, after, h, w]; condition [N, condition]."""
        scale, shift = self.modulate(condition)[:, :, None, None].chunk(2, 1)
        y = self.convs[0](F.silu(self.norms[0](x)))
        y = F.silu(self.norms[1](y) * (1 + scale) + shift)
        return torch.as_tensor(self.skip(x) + self.convs[1](y))


class Pair(nn.ModuleList):
    """Two residual blocks, one after the other."""

    def __init__(self, before: int, after: int, condition: int) -> None:
        super().__init__([Convolved(before, after, condition), Convolved(after, after, condition)])

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x [N, before, h, w] to [N, after, h, w]."""
        for block in self:
            x = block(x, condition)
        return x


PLACED = 0.5
"""Standard deviation of what tells a token's place in the beginning. Beside tokens of about 1 it must not be
much less: with 0.02 "A beside B" and "B beside A" stayed one sentence."""


class Reader(nn.Module):
    """Reads words by a small transformer."""

    def __init__(self, vocabulary: int, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.order = nn.Parameter(PLACED * torch.randn(MAX_TOKENS, width))
        self.blocks = nn.ModuleList([ModulatedBlock(width, heads) for _ in range(layers)])

    def forward(self, words: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Numbers [N, L] to tokens [N, L, width], which of them are words [N, L], and the words' mean
        [N, width]. The first is always looked at, so that no text can be told from any other."""
        mask = words != 0
        mask[:, 0] = True
        tokens = self.words(words) + self.order[: words.shape[1]]
        for block in self.blocks:
            tokens = block(tokens, mask[:, None, None])
        mean: Tensor = (tokens * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return tokens, mask, mean
