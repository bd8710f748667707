"""Training of the slot encoder (and of the judge's probe, which is the same network trained apart)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.learning.trainer import Batch
from tasks.tabletop.seeing.encoder import _HEIGHTS, STRIDE, SlotEncoder
from tasks.tabletop.seeing.slots import PUSHER, places
from tasks.tabletop.world.camera import BOARD


def load_pictures(paths: Sequence[Path]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Pictures uint8 [N, H, W, 3] and slots float32 [N, 17, 5] of several files."""
    files = [np.load(path, allow_pickle=False) for path in paths]
    return np.concatenate([f["pictures"] for f in files]), np.concatenate([f["slots"] for f in files])


def pixels_of(slots: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Where slots [N, 17, 5] stand in the picture, [N, 17, 2] pixels (column, row)."""
    where = places(slots)
    tops = np.broadcast_to(np.array(_HEIGHTS, np.float32)[:, None], (*where.shape[:-1], 1))
    points = np.concatenate([where, tops], -1).astype(np.float64)
    return BOARD.project(points, height, width).astype(np.float32)


def augment(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures [N, 3, H, W] in 0..1 under other light, noise and slight blur (as imagined frames have)."""
    count = len(pictures)

    def draw(low: float, high: float, channels: int = 1) -> Tensor:
        return low + (high - low) * torch.rand(count, channels, 1, 1, generator=generator)

    soft = torch.nn.functional.avg_pool2d(pictures, 3, 1, 1, count_include_pad=False)
    mix = draw(-0.3, 0.9).clamp(min=0)
    pictures = pictures * (1 - mix) + soft * mix
    pictures = pictures * draw(0.9, 1.1) * draw(0.96, 1.04, 3) + draw(-0.04, 0.04)
    noise = torch.randn(pictures.shape, generator=generator)
    return (pictures + noise * draw(0.0, 0.03)).clamp(0, 1)


def batches(
    pictures: NDArray[np.uint8], slots: NDArray[np.float32], batch_size: int, seed: int
) -> Iterator[Batch]:
    """Random augmented batches for ever."""
    generator = torch.Generator().manual_seed(seed)
    pixels = pixels_of(slots, *pictures.shape[1:3])
    while True:
        chosen = torch.randint(len(pictures), (batch_size,), generator=generator).numpy()
        frames = torch.from_numpy(pictures[chosen]).permute(0, 3, 1, 2).float() / 255
        yield {
            "pictures": augment(frames, generator).contiguous(memory_format=torch.channels_last),
            "slots": torch.from_numpy(slots[chosen]),
            "pixels": torch.from_numpy(pixels[chosen]),
        }


def loss(model: SlotEncoder, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy of the heat against a small bump, place error in units of slots, turn error."""
    log_heat, maps = model.heat(batch["pictures"])
    slots, present = batch["slots"], batch["slots"][..., 0]
    away = ((model.grid - batch["pixels"][:, :, None]) ** 2).sum(-1) / (0.7 * STRIDE) ** 2
    bump = torch.softmax(-away / 2, -1) * present[..., None]
    goal = torch.cat([bump, 1 - present[..., None]], -1)
    heat_loss = -(goal * log_heat).sum(-1).mean()
    read = model.read(log_heat, maps)
    count = present.sum().clamp(min=1)
    place = ((read[..., 1:3] - slots[..., 1:3]).abs().sum(-1) * present).sum() / count
    turn_error = ((read[..., 3:] - slots[..., 3:]) ** 2).sum(-1) * present
    turn = turn_error[:, :PUSHER].sum() / count
    with torch.no_grad():
        gap = (read[..., 1:3] - slots[..., 1:3]) * model.scale
        near = gap.norm(dim=-1)[present > 0]
    logs = {
        "heat": float(heat_loss.detach()),
        "turn": float(turn.detach()),
        "median_mm": float(near.median()) * 1000,
    }
    return heat_loss + 4 * place + 0.5 * turn, logs
