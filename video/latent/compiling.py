"""Networks compiled, where that works."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def compiled(
    model: nn.Module,
    ask: Callable[[nn.Module, Any], Tensor],
    batch: dict[str, Tensor] | Any,
    report: Callable[[str], None],
) -> nn.Module:
    """The model compiled, if a forward and a backward of it work here, else as it is."""
    device = next(model.parameters()).device
    if device.type != "cuda" and not os.environ.get("VLP_COMPILE"):
        return model  # two cores are done with eight minutes before it pays
    try:
        made: nn.Module = torch.compile(model)  # type: ignore[assignment]
        batch = {name: value.to(device) for name, value in batch.items()}
        with torch.autocast(device.type, torch.bfloat16):
            value = ask(made, batch)
        value.backward()  # type: ignore[no-untyped-call]
        model.zero_grad(set_to_none=True)
    except Exception as error:  # whatever a compiler may say
        model.zero_grad(set_to_none=True)
        report(f"not compiled: {' '.join(str(error).split())[:160]}")
        return model
    report("compiled")
    return made
