"""Training of the dynamics."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tasks.learning.feeding import feed
from tasks.learning.trainer import CHECKPOINT, TrainConfig, Trainer, TrainingMoment
from video.latent.clips import beat_of
from video.latent.corrected import drawn
from video.latent.dynamics import BEAT, Dynamics
from video.latent.transitions import RollingLoss, Transitions, motion_of


def train_dynamics(
    transitions: Sequence[Transitions],
    sizes: tuple[int, int, int],
    actions: int,
    stride: int,
    folder: Path,
    config: TrainConfig,
    *,
    size: int,
    widths: tuple[int, int, int],
    begun: Dynamics | None = None,
    compiled: Callable[[Dynamics, Mapping[str, Tensor]], Any] = lambda model, _: model,
    workers: int = 0,
    report: Callable[[str], None] = print,
    tick: Callable[[float], None] = lambda _: None,
    watch: Callable[[TrainingMoment], None] = lambda _: None,
) -> Dynamics | None:
    """Train them for frames of `sizes` [C, h, w], a stride of control steps apart, and actions of so many
    numbers, on as many windows of each of `transitions`, going on from the folder's checkpoint; they have
    averaged weights. What they are `begun` from where nothing was acted, and where nothing was trained yet
    and there are no minutes."""
    transitions = [some for some in transitions if len(some)]
    if not (config.minutes or (folder / CHECKPOINT).is_file()) or not transitions:
        return begun
    torch.manual_seed(2)
    beat = beat_of(stride, BEAT)
    channels, height, width = sizes
    model = Dynamics(
        channels=channels, height=height, width_=width, actions=actions, beat=beat, span=stride // beat,
        motion=motion_of(transitions) if begun is None else begun.config.motion, widths=widths,
    )  # fmt: skip
    if begun is not None:
        model.load_state_dict(begun.state_dict())
    loss, asked = RollingLoss(model), list[Any]()
    trainer = Trainer(model, lambda batch: loss(batch, *asked), folder, config)
    if config.minutes:
        batches = feed(lambda seed: drawn(transitions, size, seed), trainer.seed, workers)
        asked.append(compiled(model, next(batches)))
        trainer.run(batches, report, tick=tick, watch=watch)
        (folder / "record.json").write_text(json.dumps(trainer.record(), indent=1) + "\n", encoding="utf-8")
    return trainer.averaged().cpu()  # type: ignore[return-value]
