"""Training alone, or several processes together, a GPU each, by accelerate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

Loss = Callable[..., Any]
_APART = 1_000_003
"""Between the seeds of two processes' batches."""


class Alone:
    """One process: nothing is wrapped, so nothing is different."""

    count, first, apart = 1, True, 0

    def __init__(self, device: str) -> None:
        self.device = device

    def prepare(self, model: nn.Module, loss: Loss) -> Callable[..., Any]:
        """What a batch is given to."""
        return loss

    def agree(self, seconds: float) -> float:
        """The time that all go by."""
        return seconds


class Accelerated:
    """One of several processes with the same model and other batches.

    Args:
        accelerator: accelerate's Accelerator.
    """

    def __init__(self, accelerator: Any) -> None:
        self._accelerator = accelerator
        self.count, self.first = int(accelerator.num_processes), bool(accelerator.is_main_process)
        self.apart = _APART * int(accelerator.process_index)
        self.device = str(accelerator.device)

    def prepare(self, model: nn.Module, loss: Loss) -> Callable[..., Any]:
        """What a batch is given to; gradients are those of all processes' batches together."""
        prepared: Callable[..., Any] = self._accelerator.prepare(_Lossy(model, loss))
        if not self.first:
            torch.manual_seed(torch.initial_seed() + self.apart)  # other noise for other batches
        return prepared

    def agree(self, seconds: float) -> float:
        """That of the first process: all must stop after the same step."""
        if self.count == 1:
            return seconds
        told = torch.tensor([seconds], dtype=torch.float64, device=self.device)
        torch.distributed.broadcast(told, 0)
        return float(told)


class _Lossy(nn.Module):
    """A loss as a module that holds what it trains, so that gradients can be gathered from it."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model, self._loss = model, loss

    def forward(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        found: tuple[Tensor, dict[str, float]] = self._loss(batch)
        return found


def several() -> bool:
    """Whether `accelerate launch` or torchrun started more processes than this one."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_first() -> bool:
    """Whether this process writes what all have made."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def first_goes_first(device: str) -> Iterator[None]:
    """What is within is done by the first process before the others do it, which may find it done."""
    if not several():
        yield
        return
    from accelerate import PartialState

    with PartialState(cpu=device == "cpu").main_process_first():
        yield


def begin(device: str) -> Alone | Accelerated:
    """Accelerated where `accelerate launch` or torchrun started several processes, else alone."""
    if not several():
        return Alone(device)
    from accelerate import Accelerator
    from accelerate.utils import DistributedDataParallelKwargs

    kwargs = DistributedDataParallelKwargs(find_unused_parameters=True, broadcast_buffers=False)
    return Accelerated(Accelerator(cpu=device == "cpu", kwargs_handlers=[kwargs]))
