"""Training of the policy on labelled pairs of boards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from executors.tabletop import mixture
from executors.tabletop.deviation import STAYS
from executors.tabletop.policy import SlotPolicy, keep
from tasks.learning.trainer import Batch
from tasks.tabletop.demos.symmetry import mirror_slots
from tasks.tabletop.seeing.slots import PUSHER, places

PLACE_NOISE = 0.008


def _load(paths: Sequence[Path]) -> list[NDArray[np.float32]]:
    files = [np.load(path, allow_pickle=False) for path in paths]
    return [np.concatenate([f[name] for f in files]) for name in ("now", "wanted", "actions")]


def batches(
    labels: Sequence[Path], corrections: Sequence[Path], batch_size: int, seed: int
) -> Iterator[Batch]:
    """Random batches for ever, half of each source (all of the first where there is no second), half of
    them mirrored, with noise as the encoder's errors are."""
    sources = [_load(paths) for paths in (labels, corrections) if paths]
    rng = np.random.default_rng(seed)
    scale = np.array([0, PLACE_NOISE, PLACE_NOISE, 0.06, 0.06], np.float32)
    size = batch_size // len(sources)
    while True:
        chosen = [rng.integers(0, len(source[0]), size) for source in sources]
        now, wanted, actions = (
            np.concatenate([source[k][rows] for source, rows in zip(sources, chosen, strict=True)])
            for k in range(3)
        )
        flip = rng.random(len(now)) < 0.5
        boards = [np.where(flip[:, None, None], mirror_slots(s), s) for s in (now, wanted)]
        actions = np.where(flip[:, None, None], actions * np.array([1, -1], np.float32), actions)
        stays = _left_alone(boards[0], boards[1])
        noise = [rng.normal(0, 1, s.shape).astype(np.float32) * scale * s[..., :1] for s in boards]
        now, wanted = (board + more for board, more in zip(boards, noise, strict=True))
        yield {
            "now": torch.from_numpy(now),
            "wanted": torch.from_numpy(keep(now, wanted, stays)),
            "actions": torch.from_numpy(actions.astype(np.float32)),
        }


def _left_alone(now: NDArray[np.float32], wanted: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which slots [N, 17] a clip that goes on to the wanted boards would leave alone: all that are wanted
    near to where they are, but for the one that is to go furthest."""
    off = np.linalg.norm(places(wanted) - places(now), axis=-1)[:, :PUSHER]
    off = np.where((now[:, :PUSHER, 0] > 0.5) & (wanted[:, :PUSHER, 0] > 0.5), off, 0.0)
    stays = np.concatenate([off < STAYS, np.zeros((len(off), 1), bool)], 1)
    stays[np.arange(len(off)), off.argmax(1)] = False
    return stays


def loss(model: SlotPolicy, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Negative log-likelihood of the actions, see `executors.tabletop.mixture`."""
    return mixture.loss(model.modes(batch["now"], batch["wanted"]), batch["actions"])
