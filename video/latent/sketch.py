"""The first part of a training: what the network's small parts can learn without its large ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional as F

from tasks.learning.feeding import feed
from tasks.learning.trainer import CHECKPOINT, TrainConfig, Trainer, TrainingMoment
from video.latent.corrected import ClipSamples
from video.latent.model import WorldModel
from video.latent.moving import SCARCE, scarce
from video.latent.prior import ActionPrior
from video.latent.train import motions

RATE: Final = 1e-3
"""Learning rate at most: they have no hidden matrices that Muon turns."""
PARTS: Final = r"prior\.(?!spread)|wholes\.(?!told|sure)"
"""What small batches of the whole network's training would only unsettle."""
SOON: Final = 3.0
"""Times more that the first actions count than the last."""
LEAST: Final = 0.02
"""Squared difference that counts as none between frames of unit scale."""
CHANGED: Final = 3.0
"""Squared difference, in those of all cells on average, from which a cell counts as changed: less is what is
seen of changes beside it."""
MORE: Final = 4
"""Times as many clips a step; one in so many is drawn, which costs most of the time."""


def loss(model: WorldModel, motion: float, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """That of the prior, see `told`, and squared errors of the video that true actions make, of clips with
    actions alone."""
    value, found, named = told(model.prior, motion, batch)
    actions = batch["actions"]
    some = -(-len(actions) // MORE)
    latents, there = batch["latents"][:some], batch["acted"].float()[:some]
    clean = motions(latents, motion)
    moved = model.sketch(latents[:, 0], named[:some], actions[:some])
    video = _mean(((moved.float() - clean) ** 2).mean((1, 2, 3, 4)), there)
    still = _mean((clean**2).mean((1, 2, 3, 4)), there)
    return video + value, found | {"video": float(video.detach()), "still": float(still.detach())}


def told(
    prior: ActionPrior, motion: float, batch: Mapping[str, Tensor]
) -> tuple[Tensor, dict[str, float], Tensor]:
    """Squared error of the actions that words make likely, of clips with actions alone, and how words say
    that cells will have changed in the end, see `outcome`; logs, and the prior's tokens. Likely is what is
    done until the end: were it learned that nothing is done after it, a robot would come to rest just short
    of its goal, where it cannot be told on which side it is."""
    actions, there = batch["actions"], batch["acted"].float()
    first, last = batch["latents"][:, 0], batch["latents"][:, -1]
    named, mean, ahead = prior.learned(first, batch["words"])
    change, which = outcome(ahead, last - first, motion)
    counts = batch["before"] * there[:, None, None] * _soon(actions.shape[1]).to(actions)[:, None]
    apart = (mean - actions) ** 2
    action = (apart * counts).sum() / counts.sum().clamp(min=1)
    # How far they are from likely ones is told of them as they are (the likelihood of a Gaussian).
    unlikely = (apart.detach() * (-prior.spread).exp() + prior.spread) / 2
    unlikely = (unlikely * counts).sum() / counts.sum().clamp(min=1)
    found = {"act": action, "outcome": change, "which": which, "unlikely": unlikely}
    logs = {name: float(value.detach()) for name, value in found.items()}
    return action + change + which + unlikely, logs, named


def outcome(ahead: Tensor, change: Tensor, motion: float) -> tuple[Tensor, Tensor]:
    """Of what words say that will have changed [N, C + 1, h, w], given what has [N, C, h, w]: the squared
    error as a share of "nothing", and the cross-entropy of which cells, as a share of that of their mean."""
    error = ((ahead[:, :-1] - change) ** 2).mean() / (change**2).mean().clamp(min=LEAST)
    changed = ((change**2).mean(1) > CHANGED * motion**2).float()
    mean = changed.mean().clamp(min=1e-3, max=1 - 1e-3)
    entropy = -(mean * mean.log() + (1 - mean) * (1 - mean).log())
    return error, F.binary_cross_entropy_with_logits(ahead[:, -1], changed) / entropy


def _soon(frames: int) -> Tensor:
    """How much the actions before each frame count [T]: a robot looks again before the last are sent."""
    return 1 + SOON * 0.5 ** torch.arange(frames)


def _mean(each: Tensor, there: Tensor) -> Tensor:
    return (each * there).sum() / there.sum().clamp(min=1)


def _drawn(clips: ClipSamples, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
    batches = clips.batches(size, seed)
    return scarce(batches, seed) if len(clips) < SCARCE else batches


def train_sketch(
    model: WorldModel | ActionPrior,
    clips: ClipSamples,
    folder: Path,
    config: TrainConfig,
    *,
    size: int,
    workers: int = 0,
    report: Callable[[str], None] = print,
    tick: Callable[[float], None] = lambda _: None,
    watch: Callable[[TrainingMoment], None] = lambda _: None,
) -> dict[str, Any]:
    """Train the model's small parts, or a prior alone, going on from the folder's checkpoint, in batches of
    MORE * size; the model has averaged weights then; the record. Nothing is done where nothing was acted, or
    nothing was trained yet and there are no minutes."""
    begun = (folder / CHECKPOINT).is_file()
    if not (config.minutes or begun) or not clips.acted:
        return {}
    config = replace(config, learning_rate=min(config.learning_rate, RATE), warmup_steps=50)
    motion = clips.scale.motion

    def error(batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        return loss(model, motion, batch) if isinstance(model, WorldModel) else told(model, motion, batch)[:2]

    trainer = Trainer(model, error, folder, config)
    if config.minutes:
        batches = feed(lambda seed: _drawn(clips, MORE * size, seed), trainer.seed, workers)
        trainer.run(batches, report, tick=tick, watch=watch)
    trainer.averaged().train()
    return trainer.record()
