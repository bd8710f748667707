"""Training of the policy on a dataset, from its pictures, actions and words alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tasks.learning.feeding import feed
from tasks.learning.trainer import TrainConfig, Trainer
from video.latent.beside import BesideTraining
from video.latent.corrected import corrections, drawn
from video.latent.policy.network import LEARNED, LatentPolicy
from video.latent.policy.pairs import Pairs, loss
from video.latent.policy.policy import FOLDER
from video.latent.saved import save


@dataclass(frozen=True, kw_only=True)
class PolicyTraining(BesideTraining):
    """What a run is asked for."""

    learning_rate: float = 1e-3
    batch: int = 64
    corrected: Sequence[Path] = ()
    """Datasets that begin where a policy got, which half of each batch is drawn from."""
    steps: int | None = None
    """After which it ends though minutes are left: the same on any machine."""


def train_policy(run: PolicyTraining, report: Callable[[str], None] = print) -> LatentPolicy:
    """Train for so many minutes, going on from the folder's checkpoint; writes and returns the network.

    Raises DatasetError for data that cannot be learned from, and where the model of video is not there.
    """
    store, latents, eye = run.frames(report)
    world = run.model()
    some: dict[str, Any] = {"scale": world.scale, "tokenizer": world.tokenizer, "chunk": world.stride}
    sources = [Pairs(store, latents, **some)]
    if run.corrected:
        more = corrections(run.corrected, run.world, eye, store, camera=run.camera, report=report)
        sources.append(Pairs(*more, **some))
    torch.manual_seed(3)
    channels, height, width = latents.shape
    model = LatentPolicy.beside(
        world.prior, channels=channels, height=height, width=width,
        actions=store.actions.shape[1],
    )  # fmt: skip
    config = TrainConfig(
        minutes=run.minutes, steps=run.steps, learning_rate=run.learning_rate, slow=LEARNED, device=run.device
    )
    trainer = Trainer(model, lambda batch: loss(model, batch), run.folder / "network", config)
    if run.minutes:
        trainer.run(feed(lambda seed: drawn(sources, run.batch, seed), trainer.seed, run.workers), report)
    record = trainer.record()
    trained: Any = trainer.averaged().cpu()
    save(trained, run.world / "weights" / FOLDER)
    (run.folder / "record.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    policy: LatentPolicy = trained.float()
    return policy
