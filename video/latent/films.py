"""Held-out clips while a model trains: their loss, and filmstrips of what is imagined beside what came."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image

from tasks.learning.trainer import Trainer, TrainingMoment
from video.latent.bundle import LatentBundle
from video.latent.clips import LatentClips
from video.latent.pipeline import LatentPipeline
from video.latent.samples import HeldOut, beside, held_out
from video.latent.store import FrameStore
from video.latent.train import loss

EVERY: Final = 180.0
"""Seconds between two filmstrips."""
CLIPS: Final = 32
"""Whose loss is taken."""
ROWS: Final = 6
"""Clips of a filmstrip."""


class Films:
    """Looks on; the weights that it draws with are the averaged ones, and training goes on as if it had not.

    Args:
        folder: where the filmstrips go, one PNG each, by the step.
        bundle: around the model that is trained, whose weights change under it.
        store, clips: what was held out, as pictures and as latents.
    """

    def __init__(
        self,
        folder: Path,
        bundle: LatentBundle,
        store: FrameStore,
        clips: LatentClips,
        *,
        seconds: float = EVERY,
    ) -> None:
        self._folder, self._bundle, self._seconds = folder, bundle, seconds
        frames = int(bundle.prior.config.frames)
        self._shown: HeldOut = held_out(store, frames=frames, stride=bundle.stride, count=ROWS)
        starts = np.random.default_rng(0).permutation(clips.starts)[:CLIPS]
        self._batch = clips.at(np.sort(starts))
        self._due = seconds

    def look(self, trainer: Trainer, moment: TrainingMoment) -> dict[str, float]:
        """Every so many seconds and at the end, the held-out loss; nothing in between."""
        if moment.used < self._due and moment.left > 0:
            return {}
        self._due = moment.used + self._seconds
        return averaged(trainer, lambda: self._draw(moment.step))

    def _draw(self, step: int) -> dict[str, float]:
        model = self._bundle.whole
        device = next(model.parameters()).device
        batch = {name: value.to(device) for name, value in self._batch.items()}
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), torch.no_grad():
            torch.manual_seed(0)  # the same levels and noise each time
            found = float(loss(model, self._bundle.scale.motion, batch)[0])
            pipeline: Any = LatentPipeline(self._bundle)
            picture = beside(pipeline, self._shown, rows=ROWS)
        self._folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(self._folder / f"step-{step:07d}.png")
        return {"held_out_loss": found}


def averaged(trainer: Trainer, work: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Do some work with the averaged weights in the place of those that are trained."""
    parameters = list(trainer.model.parameters())
    trainer.ema.store(parameters)
    trainer.ema.copy_to(parameters)
    trainer.model.eval()
    try:
        return work()
    finally:
        trainer.ema.restore(parameters)
        trainer.model.train()
