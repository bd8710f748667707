"""Accelerate for fine-tuning: one process, or several under `accelerate launch`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor


def accelerated(*, cpu: bool) -> Accelerator:
    """On a GPU where there is one, unless `cpu`."""
    # Not every picture or word reaches every layer.
    return Accelerator(cpu=cpu, kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)])


def goes_on(accelerator: Accelerator, end: float, done: int, most: int | None) -> bool:
    """Whether another step is made: by all processes or none, since they wait for each other.

    Args:
        end: `time.monotonic` seconds after which no step is begun.
        done: steps so far.
        most: steps at most; None: as many as the time allows.
    """
    over = time.monotonic() >= end or (most is not None and done >= most)
    late = torch.tensor([float(over)], device=accelerator.device)
    return not bool(accelerator.reduce(late, "sum") > 0)


def descend(
    accelerator: Accelerator,
    learned: Sequence[Any],
    optimizer: Any,
    loss: Callable[[], Tensor],
    *,
    minutes: float,
    most: int | None,
    tick: Callable[[float], None] = lambda _: None,
) -> list[float]:
    """Steps of `optimizer` on the parameters `learned` for so many minutes, or `most` steps; their losses.
    `tick` is told how many seconds each took."""
    losses, begun = list[float](), time.monotonic()
    end, ticked = begun + 60 * minutes, begun
    while goes_on(accelerator, end, len(losses), most):
        found = loss()
        accelerator.backward(found)
        accelerator.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(found.detach()))
        now = time.monotonic()
        tick(now - ticked)
        ticked = now
    return losses


def ends(losses: Sequence[float]) -> tuple[float, float]:
    """Mean loss of the first and of the last tenth of the steps, at least one; NaN without any."""
    if not losses:
        return float("nan"), float("nan")
    tenth = max(1, len(losses) // 10)
    return float(np.mean(losses[:tenth])), float(np.mean(losses[-tenth:]))


def half_precision(accelerator: Accelerator, given: torch.dtype) -> AbstractContextManager[Any]:
    """Steps of a model whose weights were given in half precision. What learns is kept in full: a step of
    training is smaller than half precision can tell."""
    if given == torch.float32:
        return nullcontext()
    return torch.autocast(accelerator.device.type, dtype=torch.bfloat16)
