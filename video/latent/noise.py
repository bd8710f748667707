"""Noise levels of video and action in training: all that may be known and asked for, in all mixtures."""

from __future__ import annotations

import torch
from torch import Tensor

SHIFT = 12.0
"""How much more often video is seen at high levels, in training and in sampling (Esser et al., 2024): a
clip's layout is settled there. What moves is small and far from zero, so it is seen where most is noise:
sampled in even steps from 1, the first one jumps past where a place is chosen, and nothing is drawn."""


def shifted(u: Tensor, shift: float = SHIFT) -> Tensor:
    """Levels 0..1 from even ones, nearer to 1."""
    return shift * u / (1 + (shift - 1) * u)


def levels(count: int, frames: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Levels [N, T] in 0..1 of video and of action: 20% of clips have a level a frame, 30% the same for both,
    and 12% each the patterns of imagining and acting, of explaining and of predicting."""
    draw = torch.rand(count, 1, device=device)
    each = torch.rand(count, frames, device=device)
    single = torch.rand(count, device=device)[:, None] < 0.2
    u = torch.where(single, each, draw.expand(-1, frames))
    video = shifted(u)
    action = torch.rand(count, 1, device=device).expand(-1, frames).clone()
    pick = torch.rand(count, device=device)[:, None]
    one, zero = torch.ones_like(video), torch.zeros_like(video)
    action = torch.where(pick < 0.3, video, action)
    action = torch.where((pick >= 0.30) & (pick < 0.42), one, action)  # imagine
    video = torch.where((pick >= 0.42) & (pick < 0.50), one, video)  # act
    video = torch.where((pick >= 0.50) & (pick < 0.62), zero, video)  # explain
    action = torch.where((pick >= 0.62) & (pick < 0.74), zero, action)  # predict
    return video.contiguous(), action.contiguous()


def mix(clean: Tensor, level: Tensor) -> Tensor:
    """Clean values [N, T, ...] on the straight way to noise, at levels [N, T]."""
    s = level.reshape(*level.shape, *(1,) * (clean.ndim - 2))
    return (1 - s) * clean + s * torch.randn_like(clean)
