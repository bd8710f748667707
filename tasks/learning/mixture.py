"""Mixtures of Laplace distributions of the next actions: going round a thing on the left or on the right are
two modes, and their mean goes through it (mixture density networks: Bishop, 1994)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Modes(NamedTuple):
    """Of N scenes, M modes each."""

    logits: Tensor
    """[N, M]"""
    means: Tensor
    """[N, M, k, A] of k actions."""
    scales: Tensor
    """[N, M] of all of a mode's numbers."""

    @property
    def likeliest(self) -> Tensor:
        """[N, k, A], the means of the likeliest mode."""
        rows = torch.arange(len(self.logits), device=self.logits.device)
        return self.means[rows, self.logits.argmax(1)]

    @property
    def expected(self) -> Tensor:
        """[N, k, A], the mean of all modes."""
        return (self.logits.softmax(-1)[..., None, None] * self.means).sum(1)


def surprise(modes: Modes, actions: Tensor, there: Tensor | None = None) -> Tensor:
    """Negative log-likelihood [N] of actions [N, k, A]; of those alone for which `there` [N, k] says so."""
    scales = modes.scales[..., None, None]
    each = (modes.means - actions[:, None]).abs() / scales + torch.log(2 * scales)
    if there is not None:
        each = each * there[:, None, :, None]
    return -torch.logsumexp(F.log_softmax(modes.logits, -1) - each.flatten(2).sum(-1), -1)
