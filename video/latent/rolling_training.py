"""Training of the rolling model: how things are cut out, where they went, how they go."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import torch

from tasks.learning.feeding import feed
from tasks.learning.trainer import CHECKPOINT, TrainConfig, Trainer
from video.latent import beats as drawing
from video.latent import tracks as going
from video.latent.asked import ROLLING, STEPS, Onlookers
from video.latent.beats import Beats
from video.latent.prior import ActionPrior
from video.latent.rolling import Rolling
from video.latent.tracks import ThingTracks

CUT, TRACKED, GONE = 0.4, 0.2, 0.4
"""Shares of its minutes."""
CUTTING: Final = ("cells", "behind")
"""Parts of the model by which things are cut out."""


@dataclass(frozen=True, kw_only=True)
class RollingTraining:
    """What a training is asked for, and who is told of it."""

    folder: Path
    config: TrainConfig
    size: int
    workers: int = 0
    report: Callable[[str], None] = print
    onlookers: Onlookers = field(default_factory=Onlookers)

    def share(self, part: float) -> TrainConfig:
        """Of its minutes."""
        return replace(self.config, minutes=part * self.config.minutes)

    def run(self, part: str, trainer: Trainer, batches: Callable[[int], Any]) -> None:
        """Train a part on batches by their seed."""
        trainer.run(
            feed(batches, trainer.seed, self.workers),
            self.report,
            tick=lambda seconds: self.onlookers.tick(part, seconds),
            watch=lambda moment: self.onlookers.watch(part, moment),
        )


def train_rolling(
    prior: ActionPrior,
    beats: Beats,
    sizes: tuple[int, int, int],
    fine: int,
    actions: int,
    training: RollingTraining,
    begun: Rolling | None = None,
) -> Rolling | None:
    """Train one for frames of `sizes` [C, h, w], pictures of `fine` pixels a cell, and actions of so many
    numbers, going on from the folder's checkpoints, and read by a prior that stays as it is; it has averaged
    weights. What it is `begun` from where nothing was acted and where nothing was trained yet and there are
    no minutes.

    Drawn pictures tell how to cut things out, and hardly how they push one another: what is drawn beside
    where it should be has no gradient that leads there, the less the more beats it is off. So, once they are
    cut out, they are looked for in the frames to come, and where they were found is what is learned from.
    """
    folder, config = training.folder, training.config
    if not (config.minutes or (folder / CHECKPOINT).is_file()) or not len(beats):
        return begun
    torch.manual_seed(2)
    channels, height, width = sizes
    model = Rolling(
        channels=channels, height=height, width=width, fine=fine, actions=actions, beat=beats.beat
    )
    if begun is not None:
        model.load_state_dict(begun.state_dict())
    prior = prior.to(config.device).eval()
    trainer = Trainer(model, lambda batch: drawing.loss(model, prior, batch), folder, training.share(CUT))
    if config.minutes:
        training.run(ROLLING, trainer, lambda seed: beats.batches(training.size, seed))
    (folder / "record.json").write_text(json.dumps(trainer.record(), indent=1) + "\n", encoding="utf-8")
    trainer.averaged()
    return train_steps(model, prior, beats, training)


def train_steps(model: Rolling, prior: ActionPrior, beats: Beats, training: RollingTraining) -> Rolling:
    """Train how things go that a model cuts out already, going on from the folder's checkpoint."""
    folder, config = training.folder / Path(STEPS).name, training.config
    if not (config.minutes and len(beats.begun)) and not (folder / CHECKPOINT).is_file():
        return model.to("cpu")  # type: ignore[no-any-return]
    model.zero_grad(set_to_none=True)  # those of what stays would be clipped with the others' for ever
    cut = {name: value.clone() for name, value in model.state_dict().items() if name.startswith(CUTTING)}
    for name, value in model.named_parameters():
        value.requires_grad_(not name.startswith(CUTTING))
    trainer = Trainer(model, lambda batch: going.loss(model, prior, batch), folder, training.share(GONE))
    if config.minutes and len(beats.begun):
        model.load_state_dict(cut, strict=False)  # a checkpoint's are of before
        count = going.MOST if config.steps is None else training.size * config.steps
        seconds = 60 * training.share(TRACKED).minutes
        begun = time.monotonic()
        tracks = ThingTracks.of(model.eval(), prior, beats, count, seconds)
        training.onlookers.tick(ROLLING, time.monotonic() - begun)
        training.report(f"{len(tracks.start)} tracks of things")
        model.train()
        training.run(STEPS, trainer, lambda seed: tracks.batches(beats, training.size, seed))
        (folder / "record.json").write_text(json.dumps(trainer.record(), indent=1) + "\n", encoding="utf-8")
    return trainer.averaged().cpu().requires_grad_(True)  # type: ignore[return-value]
