"""What a model knew before it went on learning, kept by averaging weights.

A model that goes on from other data forgets some of what it could. The average of its weights before and
after does nearly all of what either could, since both lie in one valley of the loss (Wortsman et al., "Robust
fine-tuning of zero-shot models", 2022).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

State = Mapping[str, Tensor]


def state_of(model: nn.Module) -> State:
    """A copy of its weights."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


@torch.no_grad()
def keep(model: nn.Module, before: State, share: float) -> None:
    """Make each weight of a model `share` (0..1) of what it was before, and the rest of what it is."""
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            value.lerp_(before[name].to(value), share)
