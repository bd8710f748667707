"""Training of the autoencoder, by which all other parts see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import torch

from tasks.data.layout import DatasetError
from tasks.learning.feeding import feed
from tasks.learning.trainer import CHECKPOINT, TrainConfig, Trainer
from video.latent import autoencoder as pictures
from video.latent.asked import EYE, Onlookers, WorldTraining, fill, started
from video.latent.store import FrameStore


def train_autoencoder(
    run: WorldTraining,
    store: FrameStore,
    report: Callable[[str], None] = print,
    onlookers: Onlookers | None = None,
) -> Any:
    """The autoencoder with averaged weights, trained for so many minutes from where its checkpoint is."""
    onlookers = onlookers or Onlookers()
    torch.manual_seed(0)
    model = pictures.build(run.config)
    config = TrainConfig(
        minutes=run.autoencoder_minutes, steps=run.autoencoder_steps, learning_rate=run.learning_rate,
        device=run.device,
    )  # fmt: skip
    begun = started(run)
    if begun is not None:
        fill(model, begun.autoencoder)
    mean = cache(lambda: pictures.mean_picture(store).to(run.device))  # looked for where it is trained alone
    trainer = Trainer(model, lambda b: pictures.loss(model, mean(), dict(b)), run.folder / EYE, config)
    if begun is not None and not run.autoencoder_minutes:
        trainer.save()  # those beside it are trained with it
    if run.autoencoder_minutes:
        size = 32
        trainer.run(
            feed(lambda seed: pictures.batches(store, size, seed), trainer.seed, run.workers),
            report,
            tick=lambda seconds: onlookers.tick(EYE, seconds),
            watch=lambda moment: onlookers.watch(EYE, moment),
        )
    return trainer.averaged()


def trained_autoencoder(run: WorldTraining, store: FrameStore) -> Any:
    """What is there of an earlier training. Raises DatasetError where nothing is."""
    if not (run.folder / EYE / CHECKPOINT).is_file():
        raise DatasetError(
            f"expected an autoencoder in {run.folder}, got none; run `vlp train world` on the same data first"
        )
    return train_autoencoder(replace(run, autoencoder_minutes=0.0), store)
