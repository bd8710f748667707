"""The training loop: both optimizers learn, a run goes on from its checkpoint."""

from __future__ import annotations

import errno
import json
import math
import os
import resource
import signal
import socket
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from tasks.learning.attention import Block
from tasks.learning.curve import Curve
from tasks.learning.parallel import Accelerated
from tasks.learning.trainer import (
    Batch,
    CheckpointError,
    Optimizers,
    TrainConfig,
    Trainer,
    TrainingMoment,
    keep,
)
from tests.forked import Forks


class Small(nn.Module):
    """One transformer block and a readout."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(16, 2)])
        self.out = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        mask = torch.ones(x.shape[:2], dtype=torch.bool)
        return torch.as_tensor(self.out(self.blocks[0](x, mask)).mean((1, 2)))


def batches(seed: int = 0) -> Iterator[Batch]:
    generator = torch.Generator().manual_seed(seed)
    while True:
        x = torch.randn(32, 4, 16, generator=generator)
        yield {"x": x, "y": x[:, :, 0].mean(1)}


def trainer(folder: Path, minutes: float = 5, steps: int | None = 150) -> Trainer:
    torch.manual_seed(0)
    model = Small()

    def loss(batch: Batch) -> tuple[Tensor, dict[str, float]]:
        return nn.functional.mse_loss(model(batch["x"]), batch["y"]), {}

    config = TrainConfig(minutes=minutes, steps=steps, learning_rate=3e-3, muon=True, warmup_steps=5)
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


def test_what_was_trained_before_learns_at_a_tenth() -> None:
    model = Small()
    names = [name for name, _ in model.named_parameters()]
    found = Optimizers(model, TrainConfig(muon=True, slow=names[0].replace(".", r"\.")))
    found.set_rate(1.0)
    rates = {id(p): group["lr"] for o in found.all for group in o.param_groups for p in group["params"]}
    assert [rates[id(p)] for p in model.parameters()] == [0.1, *[1.0] * (len(names) - 1)]


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


def test_a_run_that_is_killed_leaves_its_effort_in_the_checkpoint(forks: Forks, tmp_path: Path) -> None:
    """The process ends by SIGKILL between two checkpoints; what the last one knew is counted."""
    code = (
        "import sys; from dataclasses import replace; from pathlib import Path\n"
        "from tests.tasks.learning.test_training import batches, trainer\n"
        "one = trainer(Path(sys.argv[1]), steps=None)\n"
        "one.config = replace(one.config, checkpoint_seconds=0.2)\n"
        "told = lambda _: print('enough', flush=True) if one.seconds > 0.3 else None\n"
        "one.run(batches(), report=lambda _: None, tick=told)"
    )
    process = forks.begin(str(tmp_path), folder=tmp_path, environment=_environment(), code=code)
    said = process.first_line()
    process.kill()
    process.wait()
    assert said == "enough", process.communicate()
    again = trainer(tmp_path)
    assert again.seconds > 0.3
    assert again.runs == [{"minutes": 5, "learning_rate": 3e-3, "samples": again.samples}]
    before, start, ticks = again.seconds, time.monotonic(), list[float]()
    again.run(batches(), report=lambda _: None, tick=ticks.append)
    whole = time.monotonic() - start  # with the checkpoint that is written at the end
    assert len(again.runs) == 2 and 0 < sum(ticks) <= again.seconds - before <= whole


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"}


def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path: Path) -> None:
    begun = trainer(tmp_path, steps=20)
    begun.run(batches(), report=lambda _: None)
    whole = (tmp_path / "checkpoint.pt").read_bytes()
    kept, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, kept[1]))
    try:
        with pytest.raises(OSError) as error:
            begun.run(batches(), report=lambda _: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
        signal.signal(signal.SIGXFSZ, handler)
    assert error.value.errno in (errno.ENOSPC, errno.EFBIG)
    assert (tmp_path / "checkpoint.pt").read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert trainer(tmp_path).step < begun.step


def test_a_checkpoint_of_another_model_is_said(tmp_path: Path) -> None:
    trainer(tmp_path, steps=1).run(batches(), report=lambda _: None)
    with pytest.raises(CheckpointError, match=r"expected a checkpoint of this model in .*, got another"):
        Trainer(nn.Linear(2, 2), lambda b: (torch.zeros(()), {}), tmp_path, TrainConfig())


def test_one_process_of_accelerate_is_bit_for_bit_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for name in ("alone", "accelerated"):
        clock = count(step=0.01)
        monkeypatch.setattr("tasks.learning.trainer.time.monotonic", lambda clock=clock: next(clock))
        if name == "accelerated":
            monkeypatch.setattr(
                "tasks.learning.trainer.begin", lambda device: Accelerated(Accelerator(cpu=True))
            )
        one = trainer(tmp_path / name, minutes=0.02, steps=None)
        one.run(batches(), report=lambda _: None)
        found.append(one)
    assert found[0].step == found[1].step > 20
    for a, b in zip(found[0].model.parameters(), found[1].model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_two_processes_train_one_model(forks: Forks, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = Path(__file__).with_name("two_processes.py").read_text()
    both = []
    for rank in range(2):
        own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_PORT": port}
        environment = {**_environment(), "MASTER_ADDR": "127.0.0.1", "ACCELERATE_USE_CPU": "true"}
        environment |= {name: str(value) for name, value in own.items()}
        words = (str(tmp_path), str(rank))
        both.append(forks.begin(*words, folder=tmp_path, environment=environment, code=code))
    for process in both:
        _, told = process.communicate(timeout=200)
        assert process.returncode == 0, told
    one, other = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert one["step"] == other["step"] and one["samples"] == 2 * 32 * one["step"]
    assert one["seed"] == 0 and other["seed"] > 1000  # other batches
    for name, value in one["model"].items():
        assert torch.equal(value, other["model"][name])
    kept = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert torch.equal(kept["model"]["out.weight"], one["model"]["out.weight"])


def test_a_run_tells_how_it_stands(tmp_path: Path) -> None:
    one = trainer(tmp_path, minutes=0.03)
    one.config = TrainConfig(minutes=0.03, learning_rate=3e-3, report_seconds=0.4)
    seen: list[TrainingMoment] = []
    one.run(batches(), report=lambda _: None, watch=seen.append)
    assert len(seen) >= 3
    assert seen[-1].step == one.step and seen[-1].left == 0
    assert all(m.samples_a_second > 0 and m.means["loss"] > 0 for m in seen)
    assert [m.used for m in seen] == sorted(m.used for m in seen)
    for m in seen[:-1]:
        assert m.used + m.left == pytest.approx(1.8)


def test_a_run_of_so_many_steps_ends_after_them(tmp_path: Path) -> None:
    """And its learning rate falls along them, on any machine; minutes that are over end it too."""
    one, seen, rates = trainer(tmp_path, steps=20), list[TrainingMoment](), list[float]()

    def tick(_: float) -> None:
        rates.append(one.optimizer.all[0].param_groups[0]["lr"])

    one.run(batches(), report=lambda _: None, tick=tick, watch=seen.append)
    assert (one.step, seen[-1].step, seen[-1].left) == (20, 20, 0)
    shares = [0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * k / 20)) for k in range(20)]
    assert rates[5:] == pytest.approx([3e-3 * share for share in shares[5:]])  # 5 are to warm up
    one.run(batches(), report=lambda _: None)
    assert one.step == 40
    late = trainer(tmp_path / "late", minutes=1e-9)
    late.run(batches(), report=lambda _: None)
    assert late.step == 0


def test_a_curve_goes_on_after_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "curve.jsonl"
    Curve(path).add(TrainingMoment(1, 32, 2.0, 3.0, 16.0, {"loss": 0.5}))
    with path.open("a") as file:
        file.write('{"step": 2, "sam')
    curve = Curve(path)
    curve.add(TrainingMoment(3, 96, 4.0, 1.0, 16.0, {"loss": 0.25}))
    assert [row["loss"] for row in curve.rows()] == [0.5, 0.25]
    assert json.loads(path.read_text().splitlines()[0])["samples_a_second"] == 16.0


def test_what_can_not_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    keep({"a": torch.ones(2)}, path)
    with pytest.raises(OSError):
        keep({"a": torch.ones(2)}, tmp_path / "none" / "a.pt")
    assert torch.load(path, weights_only=True)["a"].sum() == 2
