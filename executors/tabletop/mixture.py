"""Mixtures of Laplace distributions of the next actions: going round a block on the left or on the right are
two modes, and their mean goes through it (mixture density networks: Bishop, 1994)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from tasks.tabletop.world.board import MAX_DELTA


class Modes(NamedTuple):
    """Of N boards, M modes each."""

    logits: Tensor
    """[N, M]"""
    means: Tensor
    """[N, M, k, 2] set-point changes, metres."""
    scales: Tensor
    """[N, M] centimetres."""

    @property
    def likeliest(self) -> Tensor:
        """[N, k, 2] set-point changes of the likeliest mode, metres."""
        rows = torch.arange(len(self.logits), device=self.logits.device)
        return self.means[rows, self.logits.argmax(1)]


def outputs(modes: int, chunk: int) -> int:
    """Numbers a network puts out for `modes` modes of `chunk` actions."""
    return modes * (chunk * 2 + 2)


def read(out: Tensor, modes: int) -> Modes:
    """A network's output [N, `outputs`] as modes."""
    rows = out.float().reshape(len(out), modes, -1)
    means = (rows[..., 2:] * 0.03).clamp(-MAX_DELTA, MAX_DELTA).reshape(len(out), modes, -1, 2)
    return Modes(rows[..., 0], means, rows[..., 1].clamp(-3, 2).exp())


def loss(modes: Modes, actions: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Negative log-likelihood of actions [N, k, 2] in metres, in units of 1 cm."""
    off = (modes.means - actions[:, None]).abs().flatten(2) * 100
    likely = -(off / modes.scales[..., None] + torch.log(2 * modes.scales[..., None])).sum(-1)
    value = -torch.logsumexp(F.log_softmax(modes.logits, -1) + likely, -1).mean()
    error = (modes.likeliest.detach()[:, 0] - actions[:, 0]).norm(dim=-1)
    return value, {"mean_error_mm": float(error.mean()) * 1000}
