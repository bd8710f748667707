"""Training of the learned VLM on a dataset, from its pictures and words alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from tasks.learning.feeding import feed
from tasks.learning.trainer import TrainConfig, Trainer
from video.latent.config import PRESETS, LatentConfig
from video.latent.latents import Latents
from video.latent.run import WorldTraining, trained_autoencoder
from video.latent.store import pack
from vlp.vlm.latent import words
from vlp.vlm.latent.lessons import Lessons
from vlp.vlm.latent.model import NetworkConfig, build, loss
from vlp.vlm.latent.vlm import LatentVLM


@dataclass(frozen=True, kw_only=True)
class VlmTraining:
    """What a run is asked for."""

    data: Sequence[Path]
    world: Path
    """Folder of the model of video and action, whose packed frames and autoencoder are used."""
    folder: Path
    """Of checkpoints; the weights go to `world`, beside the others."""
    minutes: float
    sizes: LatentConfig = PRESETS["nano"]
    """Of the model of video and action."""
    config: NetworkConfig = field(default_factory=NetworkConfig)
    camera: str | None = None
    device: str = "cpu"
    learning_rate: float = 1e-3
    batch: int = 32
    workers: int = 0


def train_vlm(run: VlmTraining, report: Callable[[str], None] = print) -> LatentVLM:
    """Train for so many minutes, going on from the folder's checkpoint; writes and returns the VLM.

    Raises DatasetError for data that cannot be learned from, and where the model of video is not there.
    """
    store = pack(run.data, run.world / "store", camera=run.camera, report=report)
    world = WorldTraining(data=run.data, folder=run.world, config=run.sizes, minutes=0, device=run.device)
    eye = trained_autoencoder(world, store)
    tokenizer = words.learn(store.texts)
    latents = Latents(eye, store, run.world / "latents")
    lessons = Lessons(store, latents, tokenizer)
    torch.manual_seed(2)
    model = build(len(tokenizer), latents.shape, run.config)
    config = TrainConfig(minutes=run.minutes, learning_rate=run.learning_rate, muon=True, device=run.device)
    trainer = Trainer(model, lambda batch: loss(model, batch), run.folder / "network", config)
    if run.minutes:
        batches = feed(lambda seed: lessons.batches(run.batch, seed), trainer.step, run.workers)
        trainer.run(batches, report)
    record = trainer.record()
    vlm = LatentVLM(trainer.averaged().cpu(), eye.cpu(), tokenizer, lessons.clock)
    vlm.save(run.world / "weights" / "vlm")
    (run.folder / "record.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return vlm
