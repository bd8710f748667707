"""The training loop: both optimizers learn, a run goes on from its checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tasks.learning.attention import Block
from tasks.learning.trainer import Batch, Optimizers, TrainConfig, Trainer


class Small(nn.Module):
    """One transformer block and a readout."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(16, 2)])
        self.out = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        mask = torch.ones(x.shape[:2], dtype=torch.bool)
        return torch.as_tensor(self.out(self.blocks[0](x, mask)).mean((1, 2)))


def batches() -> Iterator[Batch]:
    generator = torch.Generator().manual_seed(0)
    while True:
        x = torch.randn(32, 4, 16, generator=generator)
        yield {"x": x, "y": x[:, :, 0].mean(1)}


def trainer(folder: Path, minutes: float = 0.08) -> Trainer:
    torch.manual_seed(0)
    model = Small()

    def loss(batch: Batch) -> tuple[Tensor, dict[str, float]]:
        return nn.functional.mse_loss(model(batch["x"]), batch["y"]), {}

    config = TrainConfig(minutes=minutes, learning_rate=3e-3, muon=True, warmup_steps=5)
    return Trainer(model, loss, folder, config)


def _moments(state: dict[str, Any]) -> list[Tensor]:
    names = ("momentum_buffer", "exp_avg")
    return [entry[name] for entry in state["state"].values() for name in names if name in entry]


def test_muon_takes_the_matrices_inside_blocks_and_adamw_all_else() -> None:
    adamw, muon = Optimizers(Small(), TrainConfig(muon=True)).all
    shapes = [tuple(p.shape) for group in muon.param_groups for p in group["params"]]
    assert sorted(shapes) == [(16, 16), (16, 64), (48, 16), (64, 16)]
    assert sum(len(group["params"]) for group in adamw.param_groups) == len(list(Small().parameters())) - 4
    assert len(Optimizers(Small(), TrainConfig()).all) == 1


def test_a_run_learns_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    data = batches()
    first = next(data)
    begun = trainer(tmp_path)
    before = float(begun.loss(first)[0].detach())
    begun.run(data, report=lambda _: None)
    after = float(begun.loss(first)[0].detach())
    assert after < 0.5 * before and begun.samples == 32 * begun.step
    again = trainer(tmp_path)
    assert (again.step, again.samples, len(again.runs)) == (begun.step, begun.samples, 1)
    for one, other in zip(begun.optimizer.state_dict(), again.optimizer.state_dict(), strict=True):
        kept, found = _moments(one), _moments(other)
        assert kept and all(torch.equal(a, b) for a, b in zip(kept, found, strict=True))
    again.run(data, report=lambda _: None)
    assert again.step > begun.step and len(again.runs) == 2


def test_a_run_counts_on_from_the_record_of_the_weights_it_begins_from(tmp_path: Path) -> None:
    begun = trainer(tmp_path / "first")
    begun.run(batches(), report=lambda _: None)
    again = trainer(tmp_path / "second")
    again.go_on(begun.record())
    assert (again.step, again.samples, again.runs) == (begun.step, begun.samples, begun.runs)
    again.run(batches(), report=lambda _: None)
    assert again.samples > begun.samples and len(again.runs) == 2 and len(begun.runs) == 1
