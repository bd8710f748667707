"""Training of the denoiser by flow matching with x-prediction."""

from __future__ import annotations

import torch
from torch import Tensor

from tasks.learning.trainer import Batch
from video.tabletop.denoiser import SlotDenoiser
from video.tabletop.pipeline import motions
from video.tabletop.renderer import visible

LAST = 3.0
"""Weight of the last frame: where a clip ends is what it is judged by, and where the next one begins."""


def loss(model: SlotDenoiser, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Squared error of the clean motions over present slots, weighted as a bounded velocity error."""
    first = visible(batch["first"])
    clean = motions(first, visible(batch["clips"][:, 1:]))
    # The scales of the reference slots are noisy on purpose; what comes out must be where things go.
    sigma = torch.rand(len(first), device=first.device)
    sigma = torch.where(torch.rand_like(sigma) < 0.3, torch.ones_like(sigma), sigma.clamp(min=0.02))
    noise = torch.randn_like(clean)
    level = sigma[:, None, None, None]
    guess = model((1 - level) * clean + level * noise, sigma, first, model.read(batch["words"])).float()
    frames = torch.ones(clean.shape[2], device=clean.device)
    frames[-1] = LAST
    squares = ((guess - clean) ** 2 * first[:, :, None, :1]).mean(3) @ (frames / frames.sum())
    error = squares.sum(1) / first[..., 0].sum(1)
    weight = (1 / sigma**2).clamp(max=4.0)
    plain = error.detach()
    full = plain[sigma == 1]
    logs = {"error": float(plain.mean()), "error_from_noise": float(full.mean()) if len(full) else 0.0}
    return (weight * error).mean() * 10, logs
