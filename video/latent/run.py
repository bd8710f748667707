"""Training of the whole model on a dataset: pack, autoencoder, latents, transformer; weights as it goes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tasks.data.layout import DatasetError
from tasks.learning.feeding import feed
from tasks.learning.trainer import TrainConfig, Trainer
from video.latent import autoencoder as pictures
from video.latent import text
from video.latent.bundle import LatentBundle
from video.latent.clips import LatentClips
from video.latent.config import LatentConfig
from video.latent.latents import Latents
from video.latent.model import WorldModel
from video.latent.store import FrameStore, pack
from video.latent.train import loss


@dataclass(frozen=True, kw_only=True)
class WorldTraining:
    """What a run is asked for."""

    data: Sequence[Path]
    folder: Path
    """Of packed frames, checkpoints and weights."""
    config: LatentConfig
    minutes: float
    """Of the transformer."""
    autoencoder_minutes: float = 0.0
    """Of the autoencoder; once the transformer has begun, it must not change any more."""
    camera: str | None = None
    device: str = "cpu"
    learning_rate: float = 1.5e-3
    workers: int = 0


def train_world(run: WorldTraining, report: Callable[[str], None] = print) -> LatentBundle:
    """Train for so many minutes, going on from the folder's checkpoints; writes and returns the weights.

    Raises DatasetError for data that cannot be learned from.
    """
    store = pack(run.data, run.folder / "store", camera=run.camera, report=report)
    eye = train_autoencoder(run, store, report)
    latents = Latents(eye, store, run.folder / "latents")
    tokenizer = text.learn(store.texts)
    clips = LatentClips(store, latents, tokenizer, run.config)
    report(f"{len(store)} frames, {len(clips)} clips, {len(store.texts)} texts")
    model, record = _transformer(run, clips, tokenizer, report)
    height, width = store.frames.shape[1:3]
    bundle = LatentBundle(eye, model, tokenizer, clips.scale, (height, width), clips.stride, store.fps)
    bundle.save(run.folder / "weights")
    _write_record(run, record)
    return bundle


def train_autoencoder(run: WorldTraining, store: FrameStore, report: Callable[[str], None] = print) -> Any:
    """The autoencoder with averaged weights, trained for so many minutes from where its checkpoint is."""
    torch.manual_seed(0)
    model, mean = pictures.build(run.config), pictures.mean_picture(store).to(run.device)
    config = TrainConfig(minutes=run.autoencoder_minutes, learning_rate=run.learning_rate, device=run.device)
    trainer = Trainer(
        model, lambda b: pictures.loss(model, mean, dict(b)), run.folder / "autoencoder", config
    )
    if run.autoencoder_minutes:
        size = 32
        trainer.run(feed(lambda seed: pictures.batches(store, size, seed), trainer.step, run.workers), report)
    return trainer.averaged()


def trained_autoencoder(run: WorldTraining, store: FrameStore) -> Any:
    """What is there of an earlier training. Raises DatasetError where nothing is."""
    if not (run.folder / "autoencoder" / "checkpoint.pt").is_file():
        raise DatasetError(
            f"expected an autoencoder in {run.folder}, got none; run `vlp train world` on the same data first"
        )
    return train_autoencoder(replace(run, autoencoder_minutes=0.0), store)


def _transformer(
    run: WorldTraining, clips: LatentClips, tokenizer: Any, report: Callable[[str], None]
) -> tuple[WorldModel, dict[str, Any]]:
    torch.manual_seed(1)
    sample = clips.at(clips.starts[:1])
    _, _, channels, height, width = sample["latents"].shape
    config = run.config
    model = WorldModel(
        frames=config.frames,
        channels=channels,
        height=height,
        width_=width,
        chunk=sample["actions"].shape[-1],
        vocabulary=len(tokenizer),
        motion=clips.scale.motion,
        width=config.width,
        layers=config.layers,
        heads=config.heads,
        text_layers=config.text_layers,
    )
    training = TrainConfig(
        minutes=run.minutes, learning_rate=run.learning_rate, muon=True, ema_decay=0.999, device=run.device
    )
    motion = clips.scale.motion
    trainer = Trainer(model, lambda b: loss(model, motion, b), run.folder / "transformer", training)
    if run.minutes:
        trainer.run(feed(lambda seed: clips.batches(config.batch, seed), trainer.step, run.workers), report)
    record = trainer.record()
    return trainer.averaged().cpu(), record  # type: ignore[return-value]


def _write_record(run: WorldTraining, record: dict[str, Any]) -> None:
    about = record | {"sizes": asdict(run.config), "data": [path.name for path in run.data]}
    (run.folder / "record.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
