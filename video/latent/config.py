"""Presets of the model of video and action: how long a clip is and how large the networks are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class LatentConfig:
    """Sizes that hold for any dataset; nothing of a world is known here."""

    frames: int = 8
    """T, future frames of a clip."""
    seconds: float = 0.6
    """Between two frames of a clip."""
    channels: int = 8
    """Of a latent frame, which is a quarter as high and wide as the picture."""
    encoder_widths: tuple[int, ...] = (16, 32, 64)
    """Of the autoencoder's stages, from full size to a quarter; the first has no layers of its own."""
    decoder_widths: tuple[int, ...] = (32, 48, 96)
    width: int = 256
    layers: int = 6
    heads: int = 4
    text_layers: int = 2
    dynamics_widths: tuple[int, int, int] = (48, 96, 128)
    """Of the dynamics, at the latents' size, at half and at a quarter of it."""
    flow_widths: tuple[int, int, int] = (64, 96, 128)
    """Of the flows, of cells of four pixels' side, of eight and of sixteen."""
    batch: int = 16


PRESETS: Final = {
    "nano": LatentConfig(),
    "base": LatentConfig(
        encoder_widths=(32, 64, 128),
        decoder_widths=(64, 96, 192),
        width=768,
        layers=14,
        heads=12,
        text_layers=4,
        dynamics_widths=(96, 192, 256),
        flow_widths=(128, 192, 256),
        batch=256,
    ),
}
"""nano: for two cores; base: for a GPU."""
