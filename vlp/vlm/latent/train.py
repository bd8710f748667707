"""Training of the learned VLM on a dataset, from its pictures and words alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tasks.learning.feeding import feed
from tasks.learning.trainer import TrainConfig, Trainer
from video.latent.beside import BesideTraining
from video.latent.corrected import corrections
from vlp.latent.folder import VLM
from vlp.vlm.latent import words
from vlp.vlm.latent.lessons import Lessons, mixed
from vlp.vlm.latent.model import Hints, Network, NetworkConfig, build, loss
from vlp.vlm.latent.vlm import LatentVLM


@dataclass(frozen=True, kw_only=True)
class VlmTraining(BesideTraining):
    """What a run is asked for."""

    config: NetworkConfig = field(default_factory=NetworkConfig)
    learning_rate: float = 1e-3
    batch: int = 32
    corrected: Sequence[Path] = ()
    """Datasets that begin where a policy got, which are asked for the ends of subgoals, too."""
    timelapses: Sequence[Path] = ()
    """Datasets of pictures at any rate, which most questions are about."""


def train_vlm(run: VlmTraining, report: Callable[[str], None] = print) -> LatentVLM:
    """Train for so many minutes, going on from the folder's checkpoint; writes and returns the VLM.

    Raises DatasetError for data that cannot be learned from, and where the model of video is not there.
    """
    store, latents, eye = run.frames(report)
    tokenizer = words.learn(store.texts)
    world = run.model()
    first = Lessons(store, latents, tokenizer, world.tokenizer)

    def others(roots: Sequence[Path], *, ends: bool) -> list[Lessons]:
        if not roots:
            return []
        more = corrections(roots, run.world, eye, store, camera=run.camera, any_rate=not ends, report=report)
        return [Lessons(*more, tokenizer, world.tokenizer, ends=ends, clock=first.clock)]

    beside = others(run.corrected, ends=True), others(run.timelapses, ends=False)
    torch.manual_seed(2)
    hints = Hints.of(world.prior, world.scale, run.config.width)
    model = Network(build(len(tokenizer), latents.shape, run.config), hints)
    config = TrainConfig(minutes=run.minutes, learning_rate=run.learning_rate, muon=True, device=run.device)
    trainer = Trainer(model, lambda batch: loss(model, batch), run.folder / "network", config)
    if run.minutes:
        batches = feed(lambda seed: mixed(first, *beside, run.batch, seed), trainer.seed, run.workers)
        trainer.run(batches, report)
    record = trainer.record()
    trained: Any = trainer.averaged().cpu()
    subgoals = {" ".join(store.texts[number].lower().split()) for number in np.unique(store.text[:, 0])}
    vlm = LatentVLM(trained, eye.cpu(), tokenizer, world.tokenizer, first.clock, subgoals)
    vlm.save(run.world / "weights" / VLM)
    (run.folder / "record.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return vlm
