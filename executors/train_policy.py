"""Training of the policy on labelled pairs of boards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from executors.policy import SlotPolicy
from tasks.symmetry import mirror_slots
from tasks.training import Batch

PLACE_NOISE = 0.008


def batches(paths: Sequence[Path], batch_size: int, seed: int) -> Iterator[Batch]:
    """Random batches for ever, half of them mirrored, with noise as the encoder's errors are."""
    files = [np.load(path, allow_pickle=False) for path in paths]
    now, wanted, actions = (np.concatenate([f[name] for f in files]) for name in ("now", "wanted", "actions"))
    rng = np.random.default_rng(seed)
    scale = np.array([0, PLACE_NOISE, PLACE_NOISE, 0.06, 0.06], np.float32)
    while True:
        chosen = rng.integers(0, len(now), batch_size)
        first, second, act = now[chosen], wanted[chosen], actions[chosen]
        flip = rng.random(batch_size) < 0.5
        first, second = (np.where(flip[:, None, None], mirror_slots(s), s) for s in (first, second))
        act = np.where(flip[:, None, None], act * np.array([1, -1], np.float32), act)
        first, second = (
            s + rng.normal(0, 1, s.shape).astype(np.float32) * scale * s[..., :1] for s in (first, second)
        )
        yield {k: torch.from_numpy(v.astype(np.float32)) for k, v in zip("nwa", (first, second, act), strict=True)}


def loss(model: SlotPolicy, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Huber loss of the actions, in units of 1 cm."""
    guess = model(batch["n"], batch["w"])
    value = torch.nn.functional.smooth_l1_loss(guess * 100, batch["a"] * 100, beta=0.5)
    error = (guess[:, 0] - batch["a"][:, 0]).detach().norm(dim=-1)
    return value, {"mean_error_mm": float(error.mean()) * 1000}
