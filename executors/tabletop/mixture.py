"""Modes of a pusher's next actions, in metres."""

from __future__ import annotations

from torch import Tensor

from tasks.learning.mixture import Modes, surprise
from tasks.tabletop.world.board import MAX_DELTA

CENTIMETRES = 100
"""A metre; scales are in these."""


def outputs(modes: int, chunk: int) -> int:
    """Numbers a network puts out for `modes` modes of `chunk` actions."""
    return modes * (chunk * 2 + 2)


def read(out: Tensor, modes: int) -> Modes:
    """A network's output [N, `outputs`] as modes of set-point changes in metres, with scales in
    centimetres."""
    rows = out.float().reshape(len(out), modes, -1)
    means = (rows[..., 2:] * 0.03).clamp(-MAX_DELTA, MAX_DELTA).reshape(len(out), modes, -1, 2)
    return Modes(rows[..., 0], means, rows[..., 1].clamp(-3, 2).exp())


def loss(modes: Modes, actions: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Negative log-likelihood of actions [N, k, 2] in metres, in units of 1 cm."""
    small = modes._replace(means=modes.means * CENTIMETRES)
    error = (modes.likeliest.detach()[:, 0] - actions[:, 0]).norm(dim=-1)
    return surprise(small, actions * CENTIMETRES).mean(), {"mean_error_mm": float(error.mean()) * 1000}
