"""One training loop for all the models: so many minutes, EMA, bf16, a checkpoint to go on from."""

from __future__ import annotations

import errno
import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers.training_utils import EMAModel
from torch import Tensor, nn

from tasks.learning.parallel import Accelerated, Alone, begin
from tasks.learning.precision import fast

SLOW = 0.1
"""Share of the learning rate of what was trained before."""
CHECKPOINT = "checkpoint.pt"
"""Of a training's folder."""
Batch = Mapping[str, Tensor]
Loss = Callable[[Batch], tuple[Tensor, dict[str, float]]]


@dataclass(frozen=True)
class TrainConfig:
    """How long and how fast; the learning rate falls along a cosine of the time used."""

    minutes: float = 10.0
    steps: int | None = None
    """Updates after which a run ends though minutes are left; the learning rate then falls along these."""
    learning_rate: float = 1e-3
    muon: bool = False
    """Muon for a transformer's hidden matrices, see `Optimizers`."""
    weight_decay: float = 0.01
    slow: str | None = None
    """Regular expression of the parameters, by their names' beginnings, that learn at a tenth of the rate:
    they were trained before."""
    warmup_steps: int = 200
    ema_decay: float = 0.999
    report_seconds: float = 20.0
    checkpoint_seconds: float = 120.0
    device: str = "cpu"


class Optimizers:
    """AdamW, and with `muon` Muon (Jordan et al., "Muon: An optimizer for hidden layers", 2024) for the
    matrices inside a transformer's blocks: the same error after a fifth of the samples on these models."""

    def __init__(self, model: nn.Module, config: TrainConfig) -> None:
        hidden = re.compile(r"(^|\.)(blocks|layers?|text|h)\.\d+\..*weight$")
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        late = re.compile(config.slow) if config.slow else None
        slow = {name for name, _ in named if late and late.match(name)}
        inner = [p for n, p in named if config.muon and p.ndim == 2 and hidden.search(n) and n not in slow]
        rest = [p for n, p in named if n not in slow and not any(p is q for q in inner)]
        rate, decay = config.learning_rate, config.weight_decay
        groups: list[dict[str, Any]] = [
            {"params": rest},
            {"params": [p for n, p in named if n in slow], "share": SLOW},
        ]
        self.all: list[torch.optim.Optimizer] = [
            torch.optim.AdamW([g for g in groups if g["params"]], rate, (0.9, 0.98), weight_decay=decay)
        ]
        if inner:
            self.all.append(torch.optim.Muon(inner, rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"))

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of all groups."""
        for optimizer in self.all:
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("share", 1.0)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for optimizer in self.all:
            optimizer.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Take a step."""
        for optimizer in self.all:
            optimizer.step()

    def state_dict(self) -> list[dict[str, Any]]:
        """The state of each optimizer."""
        return [optimizer.state_dict() for optimizer in self.all]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """The way back from `state_dict`."""
        for optimizer, state in zip(self.all, states, strict=True):
            optimizer.load_state_dict(state)


class CheckpointError(ValueError):
    """A checkpoint of another model than the one that is to go on from it."""


@dataclass(frozen=True)
class TrainingMoment:
    """How a run stands, told every `report_seconds`."""

    step: int
    samples: int
    used: float
    """Seconds of this run; left: seconds to its end."""
    left: float
    samples_a_second: float
    means: Mapping[str, float]
    """Losses and the like since the last time."""


class Trainer:
    """Trains a model and keeps {model, EMA, optimizer, step, seconds, runs, random state} in `folder`.

    Started once a GPU by `accelerate launch`, all processes train one model together; the first one keeps it.
    """

    def __init__(self, model: nn.Module, loss: Loss, folder: Path, config: TrainConfig) -> None:
        self._together: Alone | Accelerated = begin(config.device)
        config = replace(config, device=self._together.device)
        self.model = model.to(config.device).train()
        self.loss, self.folder, self.config = loss, folder, config
        self.optimizer = Optimizers(self.model, config)
        self.ema = EMAModel(
            model.parameters(), decay=config.ema_decay, use_ema_warmup=True, power=0.75, foreach=True
        )
        self.step, self.seconds, self.samples = 0, 0.0, 0
        self._begun = 0
        """The step at which the run under way began."""
        self._before: tuple[float, list[dict[str, Any]]] = (0.0, [])
        """Seconds and runs before the one under way."""
        self.runs: list[dict[str, Any]] = []
        folder.mkdir(parents=True, exist_ok=True)
        if self._checkpoint.exists():
            self._restore()
        self._forward = self._together.prepare(self.model, loss)

    @property
    def seed(self) -> int:
        """Of this process's batches from here on."""
        return self.step + self._together.apart

    @property
    def _checkpoint(self) -> Path:
        return self.folder / CHECKPOINT

    def _restore(self) -> None:
        state = torch.load(self._checkpoint, weights_only=True, map_location=self.config.device)
        try:
            self.model.load_state_dict(state["model"])
        except RuntimeError as error:
            raise CheckpointError(
                f"expected a checkpoint of this model in {self._checkpoint}, got another one's "
                f"({' '.join(str(error).split())[:160]}); give another folder, or delete it"
            ) from error
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema.load_state_dict(state["ema"])
        self.step, self.seconds, self.samples = state["step"], state["seconds"], state["samples"]
        self.runs = state.get("runs", [])
        torch.set_rng_state(state["rng"].cpu())

    def go_on(self, record: Mapping[str, Any]) -> None:
        """Count on from the record of the training that made the model's weights."""
        self.step, self.samples = int(record["steps"]), int(record["samples"])
        self.seconds, self.runs = float(record["seconds"]), [dict(run) for run in record["runs"]]

    def save(self) -> None:
        """Write the checkpoint whole or not at all. Raises OSError for a disk that is full."""
        if not self._together.first:
            return
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "ema": self.ema.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "samples": self.samples,
            "runs": self.runs,
            "rng": torch.get_rng_state(),
        }
        keep(state, self._checkpoint)

    def _share(self, used: float) -> float:
        """Of the run that is over after so many seconds; 1 or more: all of it."""
        if used >= 60 * self.config.minutes:
            return 1.0
        if self.config.steps is None:
            return used / (60 * self.config.minutes)
        return (self.step - self._begun) / self.config.steps

    def _rate(self, share: float) -> float:
        warm = min(1.0, (self.step - self._begun + 1) / self.config.warmup_steps)
        return (
            self.config.learning_rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))
        )

    def _update(self, batch: Batch) -> dict[str, float]:
        device = self.config.device
        batch = {name: value.to(device) for name, value in batch.items()}
        with fast(torch.device(device).type):
            loss, logs = self._forward(batch)
        self.optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        if torch.isfinite(norm):
            self.optimizer.step()
            self.ema.step(self.model.parameters())
        self.step += 1
        self.samples += len(next(iter(batch.values()))) * self._together.count
        return {**logs, "loss": float(loss.detach())}

    def run(
        self,
        batches: Iterator[Batch],
        report: Callable[[str], None] = print,
        note: Mapping[str, str] | None = None,
        tick: Callable[[float], None] = lambda _: None,
        watch: Callable[[TrainingMoment], None] = lambda _: None,
    ) -> None:
        """Train for `minutes`, or for `steps`; the last checkpoint is written even when interrupted. `note`
        is kept in the list of runs. `tick` is told how many seconds each step took; `watch` how the run
        stands, as often as `report`, and at the end."""
        start, said, saved, ticked = time.monotonic(), 0.0, 0.0, 0.0
        self._begun, samples = self.step, self.samples
        self._before = (self.seconds, list(self.runs))
        sums: dict[str, list[float]] = {}
        last, pace, used = sums, 0.0, 0.0
        try:
            while (share := self._share(used := self._together.agree(time.monotonic() - start))) < 1:
                self.optimizer.set_rate(self._rate(share))
                for name, value in self._update(next(batches)).items():
                    sums.setdefault(name, []).append(value)
                now = time.monotonic() - start
                tick(now - ticked)
                ticked = now
                if used - said > self.config.report_seconds:
                    pace = (self.samples - samples) / (used - said)
                    if self._together.first:
                        report(self._line(used, sums))
                        watch(self._moment(used, pace, sums))
                    said, samples, last, sums = used, self.samples, sums, {}
                if used - saved > self.config.checkpoint_seconds:
                    self._count(time.monotonic() - start, note)
                    self.save()
                    saved = used
            if self._together.first and (sums or last):
                pace = (self.samples - samples) / (used - said) if sums and used > said else pace
                watch(self._moment(used, pace, sums or last))
        finally:
            self._count(time.monotonic() - start, note)
            self.save()

    def _count(self, seconds: float, note: Mapping[str, str] | None) -> None:
        """What this run has done so far, into the record, which a checkpoint keeps even of a kill."""
        effort = {"minutes": self.config.minutes, "learning_rate": self.config.learning_rate}
        self.seconds = self._before[0] + seconds
        self.runs = [*self._before[1], effort | {"samples": self.samples} | dict(note or {})]

    def _moment(self, used: float, pace: float, sums: dict[str, list[float]]) -> TrainingMoment:
        means = {name: sum(values) / len(values) for name, values in sums.items()}
        left = 60 * self.config.minutes - used if self._share(used) < 1 else 0.0
        return TrainingMoment(self.step, self.samples, used, left, pace, means)

    def _line(self, used: float, sums: dict[str, list[float]]) -> str:
        means = {name: round(sum(values) / len(values), 5) for name, values in sums.items()}
        return json.dumps({"seconds": round(used), "step": self.step, "samples": self.samples, **means})

    def averaged(self) -> nn.Module:
        """The model with its EMA weights, ready for use."""
        self.ema.copy_to(self.model.parameters())
        return self.model.eval()

    def record(self) -> dict[str, object]:
        """Settings and effort of the run, for results/ and the model card."""
        count = sum(p.numel() for p in self.model.parameters())
        return {
            "config": asdict(self.config),
            "parameters": count,
            "steps": self.step,
            "samples": self.samples,
            "seconds": round(self.seconds),
            "runs": self.runs,
        }


def keep(state: Mapping[str, Any], path: Path) -> None:
    """Write tensors to a file whole or not at all. Raises OSError where they can't be."""
    partial = path.with_suffix(".partial")
    try:
        torch.save(dict(state), partial)
        partial.replace(path)
    except RuntimeError as error:  # torch's writer has no other name for a disk that is full
        partial.unlink(missing_ok=True)
        raise OSError(errno.ENOSPC, f"could not be written ({error})", str(path)) from error
    except OSError:
        partial.unlink(missing_ok=True)
        raise
