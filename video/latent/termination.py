"""Whether what is told in words has come about since they were told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from tasks.learning.feeding import feed
from tasks.learning.trainer import CHECKPOINT, TrainConfig, Trainer, TrainingMoment
from video.latent import text
from video.latent.clips import Frames, Scale
from video.latent.corrected import drawn
from video.latent.ends import SUBGOAL, Ends
from video.latent.prior import ActionPrior
from video.latent.store import FrameStore

NOISE: Final = 0.1
"""Standard deviation of what is added to latents in training: those of imagined frames are never the same."""
NEARLY: Final = 0.4
"""Seconds before an end of which nothing is asked: were they more, what is seen all that while would be taken
for over, and a push that lasts two seconds ended in its middle."""
DROPPED: Final = 0.5
"""Share of what is seen that is left out in training: there are few ends, and without it they are learned by
heart (cross-entropy of 4,000 held-out moments 0.21 with it, 0.52 without)."""
OVER: Final = 0.4
"""Chance from which it is taken for over."""


class Termination(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """When an option ends (Sutton, Precup and Singh, "Between MDPs and semi-MDPs", 1999): told by what is
    seen by the words in two frames, one in which it began and one of now. A push to the left is over wherever
    that is, and only beside how it was before can it be seen. It sees as an action prior does, from which it
    is begun, and learns to look closer: what is nearly there is pushed on just as what is far from it.

    Args:
        sees: settings of an ActionPrior.
        often: as many ends were asked about as moments that are none, and there are so many times more of
            these: chances are told of all moments (Saerens et al., "Adjusting the outputs of a classifier to
            new a priori probabilities", 2002).
    """

    @register_to_config
    def __init__(self, *, sees: dict[str, Any], often: float = 1.0, width: int = 256) -> None:
        super().__init__()
        self.sight = ActionPrior(**sees)
        self.told = nn.Sequential(
            nn.Dropout(DROPPED), nn.Linear(2 * self.sight.features, width), nn.GELU(),
            nn.Dropout(DROPPED), nn.Linear(width, width), nn.GELU(), nn.Dropout(DROPPED), nn.Linear(width, 1),
        )  # fmt: skip

    @classmethod
    def of(cls, prior: ActionPrior, often: float) -> Termination:
        """An untrained one that sees as a prior does."""
        made: Termination = cls(sees=prior.settings, often=often)
        made.sight.load_state_dict(prior.state_dict())
        return made

    def look(self, latents: Tensor, words: Tensor) -> Tensor:
        """Latents [N, C, h, w] of unit scale by words [N, L] to what is seen [N, features]."""
        return torch.as_tensor(self.sight.look(latents, words))

    def forward(self, begun: Tensor, now: Tensor) -> Tensor:
        """Of what is seen in frames [N, features] each to log odds [N], of moments as they were asked
        about."""
        return torch.as_tensor(self.told(torch.cat([begun, now - begun], 1))[:, 0].float())

    def chance(self, begun: Tensor, now: Tensor) -> Tensor:
        """As forward, to chances [N] of all moments."""
        odds: Tensor = self(begun, now)
        return (odds - float(np.log(self.config.often))).sigmoid()


class Endings:
    """Moments of a store's subgoals at which they are done, or not, for ever."""

    def __init__(self, store: FrameStore, latents: Frames, tokenizer: Any, scale: Scale) -> None:
        self._latents, self._scale = latents, scale
        self._words = text.encode(tokenizer, store.texts)
        self.ends = Ends(store, SUBGOAL, NEARLY)

    def batches(self, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """latents [N, 2, C, h, w] of unit scale, words [N, L], done [N]."""
        rng = np.random.default_rng(seed)
        mean, std = self._scale.latent_mean, self._scale.latent_std
        while True:
            moments = [self.ends.draw(rng) for _ in range(size)]
            frames = np.array([(moment.begun, moment.shown) for moment in moments])
            yield {
                "latents": (self._latents[frames].float() - mean) / std,
                "words": self._words[[moment.text for moment in moments]],
                "done": torch.tensor([float(moment.done) for moment in moments]),
            }


def loss(model: Termination, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy, and how many are told rightly."""
    latents, words, done = batch["latents"], batch["words"], batch["done"]
    noisy = latents + NOISE * torch.randn_like(latents)
    seen = model.look(noisy.flatten(0, 1), words.repeat_interleave(2, 0))
    told = model(seen[::2], seen[1::2])
    right = ((told.detach() > 0) == (done > 0.5)).float().mean()
    return F.binary_cross_entropy_with_logits(told, done), {"right": float(right)}


def train_termination(
    prior: ActionPrior,
    endings: Sequence[Endings],
    folder: Path,
    config: TrainConfig,
    *,
    size: int,
    begun: Termination | None = None,
    workers: int = 0,
    report: Callable[[str], None] = print,
    tick: Callable[[float], None] = lambda _: None,
    watch: Callable[[TrainingMoment], None] = lambda _: None,
) -> Termination | None:
    """Train one that first sees as a prior does, on as many moments of each of `endings`, going on from the
    folder's checkpoint; it has averaged weights. What it is `begun` from where no end is known, and where
    nothing was trained yet and there are no minutes. Chances are of the moments of the first."""
    endings = [some for some in endings if some.ends]
    if not (config.minutes or (folder / CHECKPOINT).is_file()) or not endings:
        return begun
    torch.manual_seed(3)
    model = Termination.of(prior, endings[0].ends.often)
    if begun is not None:
        model.load_state_dict(begun.state_dict())
    trainer = Trainer(model, lambda batch: loss(model, batch), folder, replace(config, slow=r"sight\."))
    if config.minutes:
        batches = feed(lambda seed: drawn(endings, size, seed), trainer.seed, workers)
        trainer.run(batches, report, tick=tick, watch=watch)
        (folder / "record.json").write_text(json.dumps(trainer.record(), indent=1) + "\n", encoding="utf-8")
    return trainer.averaged().cpu().eval()  # type: ignore[return-value]
