"""What fine-tuning needs of accelerate: one process, or several under `accelerate launch`."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs


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


def half_precision(accelerator: Accelerator, given: torch.dtype) -> AbstractContextManager[Any]:
    """Steps of a model whose weights were given in half precision. What learns is kept in full: a step of
    training is smaller than half precision can tell."""
    if given == torch.float32:
        return nullcontext()
    return torch.autocast(accelerator.device.type, dtype=torch.bfloat16)
