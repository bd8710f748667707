"""The autoencoder of frames: an architecture of diffusers, trained on the dataset's own pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderDC
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from tasks.learning.precision import fast
from video.latent.config import LatentConfig
from video.latent.store import FrameStore

NOISE = 0.1
"""Standard deviation of what is added to latents in training, so that near latents draw near pictures."""
RARE = 6.0
"""How much more a pixel weighs that is far from the dataset's mean picture: small things that come and go."""


def build(config: LatentConfig) -> Any:
    """An untrained AutoencoderDC (Chen et al., "Deep Compression Autoencoder", 2024), four times down: things
    are a few pixels large, and one that moves by a cell looks the same there."""
    stages = len(config.encoder_widths)
    return AutoencoderDC(
        latent_channels=config.channels,
        encoder_block_types="ResBlock",
        decoder_block_types="ResBlock",
        encoder_block_out_channels=config.encoder_widths,
        decoder_block_out_channels=config.decoder_widths,
        encoder_layers_per_block=(0, *(1,) * (stages - 1)),
        decoder_layers_per_block=(0, *(1,) * (stages - 2), 2),
        encoder_qkv_multiscales=((),) * stages,
        decoder_qkv_multiscales=((),) * stages,
        encoder_out_shortcut=False,
        decoder_in_shortcut=False,
    ).to(memory_format=torch.channels_last)


def to_tensor(frames: NDArray[np.uint8]) -> Tensor:
    """uint8 [N, H, W, 3] to float [N, 3, H, W] in -1..1."""
    return torch.from_numpy(np.array(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_frames(pictures: Tensor) -> NDArray[np.uint8]:
    """The way back from `to_tensor`."""
    scaled = ((pictures.float() + 1) * 127.5).clamp(0, 255).round().to(torch.uint8)
    return np.asarray(scaled.permute(0, 2, 3, 1).cpu().numpy())


@torch.no_grad()
def encode(model: Any, frames: NDArray[np.uint8]) -> Tensor:
    """Latents [N, C, h, w] of frames uint8 [N, H, W, 3], on the model's device."""
    device = next(model.parameters()).device
    with fast(device.type):
        latent: Tensor = model.encode(to_tensor(frames).to(device)).latent.float()
    return latent


def mean_picture(store: FrameStore, count: int = 512) -> Tensor:
    """[3, H, W] in -1..1 of frames spread over the dataset."""
    return to_tensor(store.frames[np.linspace(0, len(store) - 1, min(count, len(store))).astype(int)]).mean(0)


def batches(store: FrameStore, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
    """Random frames for ever."""
    rng = np.random.default_rng(seed)
    while True:
        yield {"frames": to_tensor(store.frames[np.sort(rng.integers(len(store), size=size))])}


def loss(model: Any, mean: Tensor, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Weighted error of pixels and of their differences from neighbours, over latents of unit scale."""
    frames = batch["frames"].contiguous(memory_format=torch.channels_last)
    latent = model.encode(frames).latent
    # Without a scale of their own the latents would grow past the noise.
    size = latent.float().mean() ** 2 + (latent.float().std() - 1) ** 2
    drawn = model.decode(latent + NOISE * torch.randn_like(latent)).sample.float()
    weight = 1 + RARE * ((frames - mean).abs().amax(1, keepdim=True) > 0.15).float()
    # Squares too: by the absolute error alone the median wins, and small things are never drawn.
    error = (drawn - frames).abs() + (drawn - frames) ** 2
    edges = sum((drawn.diff(dim=d) - frames.diff(dim=d)).abs().mean() for d in (2, 3))
    plain = F.mse_loss(drawn.detach(), frames)
    logs = {"psnr": float(10 * torch.log10(4 / plain))}
    return (weight * error).mean() + 0.5 * edges + 0.01 * size, logs
