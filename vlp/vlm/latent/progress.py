"""How far a task is: whether it is done, and how long it will take, by what is seen by its words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from tasks.learning.feeding import feed
from tasks.learning.trainer import CHECKPOINT, TrainConfig, Trainer
from video.latent import text
from video.latent.clips import Frames, Scale
from video.latent.corrected import drawn
from video.latent.ends import TASK, Ends
from video.latent.prior import ActionPrior
from video.latent.store import FrameStore
from video.latent.termination import NOISE
from vlp.vlm.latent import words
from vlp.vlm.latent.lessons import IGNORED, Clock
from vlp.vlm.latent.scaled import Scaled

DROPPED: Final = 0.1
"""Share of what is seen that is left out in training."""
POOLED: Final = 48
"""Numbers that are told of a cell."""
ENDS: Final = 0.5
"""Share of moments that are asked whether all is done, half of which are ends; the others are any."""


class Progress(Scaled, ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Whether a goal is reached, and a distribution of the time until it is (as in Imani and White,
    "Improving regression performance with distributional losses", 2018). It sees as an action prior does, by
    the goal's words, and goes on learning to. A goal that is many things' is reached where nowhere is seen
    that it is not: what cells tell by their neighbours is pooled, the most of all cells and the mean.

    Args:
        sees: settings of an ActionPrior.
        pooled: numbers that are told of a cell, 0: none.
    """

    @register_to_config
    def __init__(self, *, sees: dict[str, Any], width: int = 384, pooled: int = 0) -> None:
        super().__init__()
        self.sight = ActionPrior(**sees)
        self.cells = nn.Sequential(
            nn.Conv2d(sees["size"][0] + 1, 2 * pooled, 3, padding=1), nn.GELU(),
            nn.Conv2d(2 * pooled, pooled, 3, padding=1),
        ) if pooled else None  # fmt: skip
        self.told = nn.Sequential(
            nn.Dropout(DROPPED), nn.Linear(self.sight.features + 2 * pooled, width), nn.GELU(),
            nn.Dropout(DROPPED), nn.Linear(width, width), nn.GELU(), nn.Dropout(DROPPED),
            nn.Linear(width, 1 + words.BINS),
        )  # fmt: skip
        self.keep_scale(sees["size"][0])

    @classmethod
    def of(cls, sight: ActionPrior, scale: Scale) -> Progress:
        """An untrained one that sees as a prior does, of latents of such a scale."""
        made: Progress = cls(sees=sight.settings, pooled=POOLED)
        made.sight.load_state_dict(sight.state_dict())
        return made.of_scale(scale)

    def forward(self, latents: Tensor, goals: Tensor) -> tuple[Tensor, Tensor]:
        """Latents [N, C, h, w] and goals' words [N, L] to log odds [N] that it is reached, of moments as they
        were asked about, and scores of bins of the time [N, BINS]."""
        seen, ahead = self.sight.look_ahead(self.unit(latents), goals)
        if self.cells is not None:
            cells = self.cells(ahead)
            seen = torch.cat([seen, cells.amax((2, 3)), cells.mean((2, 3))], 1)
        told = self.told(seen).float()
        return told[:, 0], told[:, 1:]


class TaskMoments:
    """Moments of a store's tasks, for ever.

    Args:
        at_once: whether its episodes end as soon as all is done, so that of every moment but the last it is
            known that something is left; of others nothing is asked of the last seconds (see `Ends`).
    """

    def __init__(
        self, store: FrameStore, latents: Frames, tokenizer: Any, clock: Clock, *, at_once: bool = False
    ) -> None:
        self._store, self._latents = store, latents
        self._goals = text.encode(tokenizer, store.texts)
        self._ends = Ends(store, TASK, 0.0 if at_once else None)
        gaps = np.abs(np.log1p(clock.centres)[None] - np.log1p(self._ends.left.clip(0))[:, None])
        self._bins = np.where(self._ends.good, gaps.argmin(1), IGNORED)

    def __bool__(self) -> bool:
        """Whether there are any ends."""
        return bool(self._ends)

    def batches(self, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """latents [N, C, h, w], goals [N, L], done [N], NaN where it is not asked, and bins [N]."""
        rng = np.random.default_rng(seed)
        while True:
            frames, done = rng.integers(len(self._store), size=size), np.full(size, np.nan, np.float32)
            for row in np.flatnonzero(rng.random(size) < ENDS):
                moment = self._ends.draw(rng)
                frames[row], done[row] = moment.shown, moment.done
            yield {
                "latents": self._latents[frames].float(),
                "goals": self._goals[self._store.text[frames, TASK]],
                "done": torch.from_numpy(done),
                "bins": torch.from_numpy(self._bins[frames]),
            }


def loss(model: Progress, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropies of both, and how often the end is told rightly."""
    latents, done = batch["latents"], batch["done"]
    noisy = model.noisy(latents, NOISE) if model.training else latents
    odds, times = model(noisy, batch["goals"])
    asked = ~done.isnan()
    each = F.binary_cross_entropy_with_logits(odds, done.nan_to_num(), reduction="none")
    ending = (each * asked).sum() / asked.sum().clamp(min=1)
    timing = F.cross_entropy(times, batch["bins"], ignore_index=IGNORED)
    right = ((odds.detach() > 0) == (done > 0.5))[asked].float().mean()
    logs = {"right": float(right), "ending": float(ending.detach()), "timing": float(timing.detach())}
    return ending + 0.3 * timing, logs


def train_progress(
    sight: ActionPrior,
    scale: Scale,
    moments: Sequence[TaskMoments],
    folder: Path,
    config: TrainConfig,
    *,
    size: int,
    begun: Progress | None = None,
    workers: int = 0,
    report: Callable[[str], None] = print,
) -> Progress | None:
    """Train one that first sees as a prior does, on as many moments of each of `moments`, going on from the
    folder's checkpoint, or from one that is `begun`; it has averaged weights. Where no end is known, or
    nothing was trained, what was begun is left as it is. Of what failed alone it learns that it is not
    done."""
    if not (config.minutes or (folder / CHECKPOINT).is_file()) or not any(moments):
        return begun
    torch.manual_seed(5)
    model = begun or Progress.of(sight, scale)
    trainer = Trainer(model, lambda batch: loss(model, batch), folder, config)
    if config.minutes:
        trainer.run(feed(lambda seed: drawn(moments, size, seed), trainer.seed, workers), report)
        (folder / "record.json").write_text(json.dumps(trainer.record(), indent=1) + "\n", encoding="utf-8")
    return trainer.averaged().cpu().eval()  # type: ignore[return-value]
