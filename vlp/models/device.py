"""Device that models run on."""

from __future__ import annotations

import torch


def choose_device(device: str) -> str:
    """ "auto" to cuda where there is one."""
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
