"""Training of the language-conditioned policy: behaviour cloning of the oracle's rollouts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from executors.tabletop import mixture
from executors.tabletop.language_policy import LanguagePolicy
from tasks.learning.trainer import Batch
from tasks.tabletop.demos.rollouts import HOLD, Rollouts, read_instruction
from tasks.tabletop.demos.symmetry import Renaming, mirror_instruction, mirror_slots, mirror_text
from tasks.tabletop.language import canonical, phrase
from tasks.tabletop.language.tokens import encode
from tasks.tabletop.seeing import slots
from tasks.tabletop.world.board import KINDS

PLACE_NOISE = np.array([0, 0.008, 0.008, 0.06, 0.06], np.float32)
WHOLE = 0.5
"""Share of control steps that are told the whole long task rather than the push under way."""
CANONICAL = 0.5
Example = tuple[NDArray[np.float32], str, NDArray[np.float32]]
"""Slots [17, 5], words, the oracle's set-point change [2] in metres."""


class ClonedSteps:
    """Control steps of rollouts with what was asked and what the oracle did."""

    def __init__(self, shards: Sequence[Path]) -> None:
        self._rollouts = [Rollouts.load(path) for path in shards]
        self._states = [slots.from_poses(r.poses, r.effector) for r in self._rollouts]
        self._asked = [[read_instruction(text) for text in r.push_text] for r in self._rollouts]
        self._done = [
            (s, p) for s, r in enumerate(self._rollouts) for p in range(len(r.push_done)) if r.push_done[p]
        ]
        self._long = [(s, p) for s, p in self._done if self._goal(s, p)]

    def _goal(self, shard: int, push: int) -> str:
        """The long task that was completed with this push, or nothing."""
        source = self._rollouts[shard]
        episode = int(source.push_episode[push])
        return source.episode_goal[episode] if source.episode_done[episode] else ""

    def __len__(self) -> int:
        return len(self._done)

    def draw(self, rng: np.random.Generator) -> Example:
        """A random control step under random symmetries."""
        whole = rng.random() < WHOLE
        shard, push = (self._long if whole else self._done)[
            int(rng.integers(len(self._long if whole else self._done)))
        ]
        source = self._rollouts[shard]
        start, stop = int(source.push_start[push]), int(source.push_stop[push])
        # Within a long task the arm never rests: cloned, its pauses would be for ever.
        step = int(rng.integers(start, max(start + 1, stop - HOLD) if whole else stop))
        state, action = self._states[shard][step], source.action[step]
        goal, asked = self._goal(shard, push) if whole else "", self._asked[shard][push]
        if not goal.startswith("sort"):
            renaming = Renaming(rng.permutation(4))
            state, asked = renaming.slots(state), renaming.instruction(asked)
            if rng.random() < 0.5 and (whole or asked.family != "block1_to_corner"):
                state, action = mirror_slots(state), action * np.array([1, -1], np.float32)
                goal, asked = mirror_text(goal), asked if whole else mirror_instruction(asked)
        if whole:
            return state, goal, action
        table = [kind for kind, there in zip(KINDS, state[:, 0], strict=False) if there]
        text = canonical(asked) if rng.random() < CANONICAL else phrase(asked, table, rng)
        return state, text, action


def batches(data: ClonedSteps, batch_size: int, seed: int) -> Iterator[Batch]:
    """Random batches for ever, with noise as the encoder's errors are: now [N, 17, 5], words [N, L],
    actions [N, 1, 2]."""
    rng = np.random.default_rng(seed)
    while True:
        states, texts, actions = zip(*(data.draw(rng) for _ in range(batch_size)), strict=True)
        now = np.stack(states)
        noise = rng.normal(0, 1, now.shape).astype(np.float32) * PLACE_NOISE * now[..., :1]
        yield {
            "now": torch.from_numpy(now + noise),
            "words": encode(texts),
            "actions": torch.from_numpy(np.stack(actions)[:, None]),
        }


def loss(model: LanguagePolicy, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Negative log-likelihood of the actions, see `executors.tabletop.mixture`."""
    return mixture.loss(model.modes(batch["now"], batch["words"]), batch["actions"])
