"""Batches drawn by other processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

import torch
from torch import Tensor

from tasks.learning.feeding import feed


def draw(seed: int) -> Iterator[Mapping[str, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield {"x": torch.rand(3, generator=generator)}


def test_without_workers_it_is_what_is_drawn() -> None:
    expected = [batch["x"] for batch in islice(draw(7), 4)]
    assert all(
        torch.equal(batch["x"], x) for batch, x in zip(islice(feed(draw, 7, 0), 4), expected, strict=True)
    )


def test_each_worker_draws_others_and_the_same_again() -> None:
    first, again = (torch.stack([batch["x"] for batch in islice(feed(draw, 7, 2), 6)]) for _ in range(2))
    assert torch.equal(first, again)
    assert len(set(first.flatten().tolist())) == first.numel()
