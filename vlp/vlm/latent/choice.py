"""Which of the subgoals that are said on the way to a goal comes next."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from tasks.domain import CONTROL_HZ
from tasks.learning.feeding import feed
from tasks.learning.trainer import CHECKPOINT, TrainConfig, Trainer
from video.latent import text
from video.latent.clips import Frames, Scale
from video.latent.corrected import drawn
from video.latent.ends import AT_END, SUBGOAL, TASK, Ends
from video.latent.prior import ActionPrior
from video.latent.store import FrameStore
from video.latent.termination import NOISE
from vlp.vlm.latent import words
from vlp.vlm.latent.scaled import Scaled

DROPPED: Final = 0.3
"""Share of what is seen that is left out in training."""
AMONG: Final = 8
"""Subgoals at most among which one is chosen in training, drawn anew each time."""
MANY: Final = 64
"""Subgoals of a goal, of more of which none is chosen: such a goal says nothing of what is next."""
ONCE: Final = 0.5
"""Share of a goal's subgoals that may have been said in one episode alone."""
EARLY: Final = 0.7
BEGUN: Final = 0.5
"""Share of moments that are within so many seconds of the beginning of a subgoal: that is when one is chosen.
Of all moments, it is told best by what the robot is at already, and what was just done was chosen again."""
Said = Mapping[str, Sequence[str]]
"""Goals, and the subgoals that were said on the way to each."""


class SubgoalChoice(Scaled, ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A score of each subgoal, by what is seen by its words: contrastive, as pictures are told by texts in
    CLIP (Radford et al., 2021), but the words say where to look. A decoder that says subgoals word by word
    from a vision tower's tokens had hardly learned after 424,000 questions which blocks are where they are to
    be. It sees as an action prior does, from which it is begun.

    Args:
        sees: settings of an ActionPrior.
    """

    @register_to_config
    def __init__(self, *, sees: dict[str, Any], width: int = 256) -> None:
        super().__init__()
        self.sight = ActionPrior(**sees)
        self.told = nn.Sequential(
            nn.Dropout(DROPPED), nn.Linear(self.sight.features + sees["width"], width), nn.GELU(),
            nn.Dropout(DROPPED), nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1),
        )  # fmt: skip
        self.keep_scale(sees["size"][0])

    @classmethod
    def of(cls, sight: ActionPrior, scale: Scale) -> SubgoalChoice:
        """An untrained one that sees as a prior does, of latents of such a scale."""
        made: SubgoalChoice = cls(sees=sight.settings)
        made.sight.load_state_dict(sight.state_dict())
        return made.of_scale(scale)

    def forward(self, latents: Tensor, goals: Tensor, subgoals: Tensor) -> Tensor:
        """Latents [N, C, h, w], goals' words [N, L] and those of K subgoals each [N, K, L] to scores
        [N, K]: log odds but for a constant a row."""
        count, among = subgoals.shape[:2]
        unit = self.unit(latents)
        seen = self.sight.look(unit.repeat_interleave(among, 0), subgoals.flatten(0, 1))
        said = self.sight.text(goals)[2].float().repeat_interleave(among, 0)
        return torch.as_tensor(self.told(torch.cat([seen, said], 1)).float().view(count, among))


def told(stores: Sequence[FrameStore]) -> dict[str, list[str]]:
    """What was said on the way to each goal, where something can be chosen: among what is said again and
    again. Where most was said in a single episode of all, such as the places of a board, something else will
    be said on the next one."""
    found: dict[str, set[str]] = {}
    episodes: Counter[str] = Counter()
    for store in stores:
        plain = [words.plain(one) for one in store.texts]
        for subgoal, goal in np.unique(store.text[:, [SUBGOAL, TASK]], axis=0):
            found.setdefault(plain[goal], set()).add(plain[subgoal])
        episode = np.repeat(np.arange(len(store.start)), store.stop - store.start)
        said = np.unique(np.stack([episode, store.text[:, SUBGOAL]], 1), axis=0)
        episodes.update(plain[subgoal] for _, subgoal in said)
    return {
        goal: sorted(texts)
        for goal, texts in sorted(found.items())
        if 1 < len(texts) <= MANY and sum(episodes[one] == 1 for one in texts) <= ONCE * len(texts)
    }


def joined(before: Said, now: Said) -> Said:
    """What was said on the way to each goal, before and now; where that is too many, what was before."""
    both = {goal: sorted({*before.get(goal, ()), *now.get(goal, ())}) for goal in {*before, *now}}
    return {goal: texts if len(texts) <= MANY else before[goal] for goal, texts in sorted(both.items())}


class ChosenSubgoals:
    """Moments of a store at which one of several subgoals was chosen, for ever."""

    def __init__(self, store: FrameStore, latents: Frames, tokenizer: Any, said: Said) -> None:
        self._latents, self._store = latents, store
        self._texts = sorted({text for texts in said.values() for text in texts})
        number = {text: k for k, text in enumerate(self._texts)}
        self._words = text.encode(tokenizer, self._texts or [""])
        self._goals = text.encode(tokenizer, store.texts)
        plain = [words.plain(one) for one in store.texts]
        self._number = [number.get(one, -1) for one in plain]
        self._among = [np.array([number[one] for one in said.get(goal, ())], np.int64) for goal in plain]
        # Goals may be known from elsewhere: what is said here and not there is no choice among those.
        pairs, back = np.unique(store.text[:, [SUBGOAL, TASK]], axis=0, return_inverse=True)
        several = np.array([
            len(self._among[goal]) > 1 and self._number[subgoal] in self._among[goal]
            for subgoal, goal in pairs
        ])[back.reshape(-1)]  # fmt: skip
        ends = Ends(store, SUBGOAL)
        begun = np.arange(len(store)) - ends.first <= BEGUN * store.fps
        over = ends.left <= AT_END * CONTROL_HZ
        self._frames: NDArray[np.int64] = np.flatnonzero(several & ~over)
        self._begun: NDArray[np.int64] = np.flatnonzero(several & ~over & begun)

    def __len__(self) -> int:
        return len(self._begun)

    def batches(self, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """latents [N, C, h, w], goals [N, L], subgoals [N, AMONG, L], of which the first was chosen, and
        known [N, AMONG]: there may be fewer."""
        rng = np.random.default_rng(seed)
        while True:
            early = rng.random(size) < EARLY
            frames = np.where(early, rng.choice(self._begun, size), rng.choice(self._frames, size))
            among, known = np.zeros((size, AMONG), np.int64), np.zeros((size, AMONG), bool)
            for row, (subgoal, goal) in enumerate(self._store.text[frames]):
                chosen = self._number[subgoal]
                others = self._among[goal][self._among[goal] != chosen]
                some = [chosen, *rng.permutation(others)[: AMONG - 1]]
                among[row, : len(some)], known[row, : len(some)] = some, True
            yield {
                "latents": self._latents[frames].float(),
                "goals": self._goals[self._store.text[frames, TASK]],
                "subgoals": self._words[among],
                "known": torch.from_numpy(known),
            }


def loss(model: SubgoalChoice, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy of the one that was chosen, and how often its score is highest."""
    latents = batch["latents"]
    noisy = model.noisy(latents, NOISE) if model.training else latents
    scores = model(noisy, batch["goals"], batch["subgoals"]).masked_fill(~batch["known"], -torch.inf)
    first = torch.zeros(len(scores), dtype=torch.long, device=scores.device)
    right = (scores.detach().argmax(1) == 0).float().mean()
    return F.cross_entropy(scores, first), {"chosen": float(right)}


def train_choice(
    sight: ActionPrior,
    scale: Scale,
    choices: Sequence[ChosenSubgoals],
    folder: Path,
    config: TrainConfig,
    *,
    size: int,
    begun: SubgoalChoice | None = None,
    workers: int = 0,
    report: Callable[[str], None] = print,
) -> SubgoalChoice | None:
    """Train one that first sees as a prior does, on as many moments of each of `choices`, going on from the
    folder's checkpoint, or from one that is `begun`; it has averaged weights. Where nothing can be chosen, or
    nothing was trained, what was begun is left as it is."""
    choices = [some for some in choices if len(some)]
    if not (config.minutes or (folder / CHECKPOINT).is_file()) or not choices:
        return begun
    torch.manual_seed(4)
    model = begun or SubgoalChoice.of(sight, scale)
    trainer = Trainer(model, lambda batch: loss(model, batch), folder, replace(config, slow=r"sight\."))
    if config.minutes:
        trainer.run(feed(lambda seed: drawn(choices, size, seed), trainer.seed, workers), report)
        (folder / "record.json").write_text(json.dumps(trainer.record(), indent=1) + "\n", encoding="utf-8")
    return trainer.averaged().cpu().eval()  # type: ignore[return-value]
