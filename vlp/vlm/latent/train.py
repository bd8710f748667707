"""Training of the learned VLM on a dataset, from its pictures and words alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from tasks.learning.feeding import feed
from tasks.learning.trainer import TrainConfig, Trainer
from video.latent.store import pack
from vlp.vlm.latent import words
from vlp.vlm.latent.lessons import Lessons
from vlp.vlm.latent.model import NetworkConfig, build, loss
from vlp.vlm.latent.vlm import LatentVLM


@dataclass(frozen=True, kw_only=True)
class VlmTraining:
    """What a run is asked for."""

    data: Sequence[Path]
    store: Path
    """Folder of packed frames, shared with the model of video and action."""
    folder: Path
    """Of checkpoints and weights."""
    minutes: float
    config: NetworkConfig = field(default_factory=NetworkConfig)
    camera: str | None = None
    device: str = "cpu"
    learning_rate: float = 5e-4
    batch: int = 32
    workers: int = 0


def train_vlm(run: VlmTraining, report: Callable[[str], None] = print) -> LatentVLM:
    """Train for so many minutes, going on from the folder's checkpoint; writes and returns the VLM.

    Raises DatasetError for data that cannot be learned from.
    """
    store = pack(run.data, run.store, camera=run.camera, report=report)
    tokenizer = words.learn(store.texts)
    lessons = Lessons(store, tokenizer)
    torch.manual_seed(2)
    height, width = store.frames.shape[1:3]
    model = build(len(tokenizer), (height, width), run.config)
    config = TrainConfig(minutes=run.minutes, learning_rate=run.learning_rate, device=run.device)
    trainer = Trainer(model, lambda batch: loss(model, batch), run.folder / "network", config)
    if run.minutes:
        batches = feed(lambda seed: lessons.batches(run.batch, seed), trainer.seed, run.workers)
        trainer.run(batches, report)
    record = trainer.record()
    vlm = LatentVLM(trainer.averaged().cpu(), tokenizer, lessons.clock)
    vlm.save(run.folder / "weights")
    (run.folder / "record.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return vlm
