"""Latents of unit scale: what sees as an action prior does must see what the prior was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from video.latent.clips import Scale

if TYPE_CHECKING:
    from collections.abc import Callable


class Scaled:
    """A module that is given latents as the autoencoder makes them, and keeps their mean and deviation
    [C, 1, 1]."""

    mean: Tensor
    std: Tensor
    if TYPE_CHECKING:
        register_buffer: Callable[[str, Tensor], None]

    def keep_scale(self, channels: int) -> None:
        """Once it is a module."""
        for name in ("mean", "std"):
            self.register_buffer(name, torch.ones(channels, 1, 1))

    def of_scale(self, scale: Scale) -> Self:
        """Itself, for latents of such a scale."""
        self.mean.copy_(scale.latent_mean)
        self.std.copy_(scale.latent_std)
        return self

    def unit(self, latents: Tensor) -> Tensor:
        """Latents [N, C, h, w] of unit scale."""
        return (latents - self.mean) / self.std

    def noisy(self, latents: Tensor, noise: float) -> Tensor:
        """With noise of so large a share of their scale."""
        return latents + noise * self.std * torch.randn_like(latents)
