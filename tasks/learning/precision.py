"""Half precision where the machine computes in it, and full precision elsewhere."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import torch


@cache
def has_bfloat16(device: str) -> bool:
    """Whether "cpu" or "cuda" multiplies bfloat16 by itself. A processor that only emulates it is some twenty
    times slower than in float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Torch has no public way to ask for this yet; its compiler asks the same.
    asked = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
    return any(bool(ask()) for ask in asked if ask is not None)


def fast(device: str) -> AbstractContextManager[Any]:
    """Within it, models on "cpu" or "cuda" compute in bfloat16 where that is faster, else as they are."""
    return torch.autocast(device, dtype=torch.bfloat16) if has_bfloat16(device) else nullcontext()
