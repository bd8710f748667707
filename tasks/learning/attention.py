"""Small transformer parts that the video model and the policy share."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Multi-head self-attention; `mask` [N, S] is True where a token may be looked at."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        count, length, width = x.shape
        qkv = self.qkv(x).reshape(count, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        # Written out, since the fused kernel's backward is several times slower on such short sequences.
        scores = (qkv[0] * (width // self.heads) ** -0.5) @ qkv[1].transpose(-1, -2)
        scores = scores.masked_fill(~mask[:, None, None, :], -1e4)
        mixed = scores.softmax(-1).to(qkv.dtype) @ qkv[2]
        return torch.as_tensor(self.out(mixed.transpose(1, 2).reshape(count, length, width)))


class Block(nn.Module):
    """A pre-norm transformer block; with `condition` its norms are modulated (adaLN, Peebles and Xie,
    "Scalable Diffusion Models with Transformers", 2023)."""

    def __init__(self, width: int, heads: int, condition: int = 0) -> None:
        super().__init__()
        self.attend = Attention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU("tanh"), nn.Linear(4 * width, width))
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])
        self.modulate = nn.Linear(condition, 4 * width) if condition else None
        if self.modulate is not None:
            nn.init.zeros_(self.modulate.weight)
            nn.init.zeros_(self.modulate.bias)

    def forward(self, x: Tensor, mask: Tensor, condition: Tensor | None = None) -> Tensor:
        scale, shift, scale2, shift2 = (
            self.modulate(F.silu(condition))[:, None].chunk(4, -1)
            if self.modulate is not None and condition is not None
            else (x.new_zeros(()),) * 4
        )
        x = x + self.attend(self.norms[0](x) * (1 + scale) + shift, mask)
        return torch.as_tensor(x + self.mlp(self.norms[1](x) * (1 + scale2) + shift2))


def waves(values: Tensor, count: int = 6) -> Tensor:
    """Places [..., D] in about -1..1 to sines and cosines [..., 2 * D * count] of doubling frequency."""
    steps = math.pi * 2.0 ** torch.arange(count, device=values.device)
    angles = (values[..., None] * steps).flatten(-2)
    return torch.cat([angles.sin(), angles.cos()], -1)
