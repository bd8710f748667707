"""Training of what carries out programs: batches of boards that were played, and the loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from tasks.learning.trainer import Batch
from tasks.tabletop.demos.played_programs import NOTHING, PlayedPrograms
from tasks.tabletop.demos.symmetry import mirror_slots
from tasks.tabletop.goals.relation_numbers import FIRST_TASK, ONE_WAY, Asked, mirrored
from tasks.tabletop.seeing.slots import CENTER, SCALE
from tasks.tabletop.world.board import COLORS, KINDS, SHAPES, color_of, shape_of
from vlp.vlm.tabletop import tokens
from vlp.vlm.tabletop.programs.model import NextPush, ProgramNet

NOISE: Final = 0.008
"""Of places as slots tell them: what a camera is off by, some 2 mm."""
SPOT, WANTED, STEPS = 0.3, 5.0, 0.3
"""Weights of where to, of where blocks are to be in the end, and of the steps to go, beside which block."""


def loss(model: ProgramNet, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy of the block, likelihood of where to, distance of where all end, bins of the steps."""
    found = model(*(batch[name] for name in ("slots", "kind", "words", "measures", "roles")))
    push = batch["push"]
    nothing = torch.full_like(push, found.block.shape[1] - 1)
    block = F.cross_entropy(found.block, torch.where(push == NOTHING, nothing, push))
    spot, off = _spots(found, push, batch["spot"])
    known = torch.isfinite(batch["wanted"])
    gaps = F.smooth_l1_loss(found.wanted, batch["wanted"].nan_to_num(), reduction="none", beta=0.05)
    ends = (gaps * known).sum() / known.sum().clamp_min(1)
    bins = -(tokens.soft_bins(batch["steps"]) * F.log_softmax(found.bins, -1)).sum(-1).mean()
    right = (found.block.argmax(1) == torch.where(push == NOTHING, nothing, push)).float().mean()
    parts = {"block": block, "spot": spot, "ends": ends, "bins": bins, "right": right, "off_mm": off}
    whole = block + SPOT * spot + WANTED * ends + STEPS * bins
    return whole, {name: float(part.detach()) for name, part in parts.items()}


def _spots(found: NextPush, push: Tensor, spot: Tensor) -> tuple[Tensor, Tensor]:
    """Negative log-likelihood of where the block was pushed (a mixture of Laplace distributions), and how far
    off the likeliest place is, millimetres."""
    rows = torch.nonzero(push != NOTHING)[:, 0]
    which = push[rows]
    middle, scale = found.spot[rows, which], found.scale[rows, which]
    gap = (middle - spot[rows, None]).abs().sum(-1)
    logs = found.weight[rows, which].log_softmax(-1) - gap / scale.exp() - 2 * scale
    likeliest = middle[torch.arange(len(rows)), found.weight[rows, which].argmax(-1)]
    metres = (likeliest - spot[rows]) * torch.from_numpy(SCALE).to(spot)
    return -logs.logsumexp(-1).mean(), 1000 * metres.norm(dim=-1).mean()


class PlayedData:
    """Boards of several files."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = [PlayedPrograms.load(path) for path in files]
        sizes = [len(found.slots) for found in self._files]
        rows = [np.stack([np.full(n, k), np.arange(n)], 1) for k, n in enumerate(sizes)]
        self._where = np.concatenate(rows)

    def __len__(self) -> int:
        return len(self._where)

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """Random boards, half of them in a mirror where there is one, blocks under other names, as far off as
        a camera is."""
        drawn = self._where[rng.integers(len(self), size=size)]
        rows = [self._row(int(file), int(board), rng) for file, board in drawn]
        batch = {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}
        noise = torch.from_numpy(rng.normal(0, NOISE, (size, batch["slots"].shape[1], 2)).astype(np.float32))
        batch["slots"][..., 1:3] += noise * batch["slots"][..., :1]
        return batch

    def _row(self, file: int, board: int, rng: np.random.Generator) -> dict[str, Any]:
        data = self._files[file]
        program = int(data.program[board])
        asked = Asked(
            data.kind[program].astype(np.int64), data.words[program].astype(np.int64),
            data.measures[program], data.roles[program].astype(np.float32),
        )  # fmt: skip
        slots = data.slots[board].copy()
        spot, wanted = ((xy[board] - CENTER) / SCALE for xy in (data.spot, data.wanted))
        if rng.random() < 0.5 and not (asked.words == ONE_WAY).any():
            flip = np.array([1, -1], np.float32)
            asked, slots, spot, wanted = mirrored(asked), mirror_slots(slots), spot * flip, wanted * flip
        order = _renamed(asked.words, rng)
        slots[: len(order)] = slots[order]
        asked = replace(asked, roles=asked.roles[:, order])
        push = int(data.push[board])
        push = push if push == NOTHING else int(np.flatnonzero(order == push)[0])
        wanted = wanted[order]
        return {
            "slots": slots, "kind": asked.kind, "words": asked.words, "measures": asked.measures,
            "roles": asked.roles, "push": np.int64(push), "spot": spot, "wanted": wanted,
            "steps": data.steps[board],
        }  # fmt: skip


def _renamed(words: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Which block [16] is called by each name: any, but where a long task speaks of colours or shapes."""
    if not (words >= FIRST_TASK).any():
        return rng.permutation(len(KINDS))
    colors, shapes = rng.permutation(len(COLORS)), rng.permutation(len(SHAPES))
    if (words == ONE_WAY).any():
        colors = np.arange(len(COLORS))
    names = [
        f"{COLORS[colors[COLORS.index(color_of(kind))]]}_{SHAPES[shapes[SHAPES.index(shape_of(kind))]]}"
        for kind in KINDS
    ]
    return np.array([KINDS.index(name) for name in names])


def batches(data: PlayedData, size: int, seed: int) -> Iterator[Batch]:
    """Random batches for ever."""
    rng = np.random.default_rng(seed)
    while True:
        yield data.batch(rng, size)
