"""Training data of the VLM: boards with the goal, the next subgoal and the steps left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.learning.trainer import Batch
from tasks.tabletop.demos.kinematic import MISSED
from tasks.tabletop.demos.played import Played
from tasks.tabletop.demos.rollouts import HOLD, Rollouts, read_instruction
from tasks.tabletop.demos.symmetry import Renaming, mirror_instruction, mirror_slots, mirror_text
from tasks.tabletop.goals import BY_INSTRUCTION
from tasks.tabletop.language import canonical, phrase
from tasks.tabletop.language.instruction import Instruction
from tasks.tabletop.seeing import slots
from tasks.tabletop.world.board import BLOCK_8, KINDS
from vlp.vlm.tabletop import tokens
from vlp.vlm.tabletop.model import prompt

PLACE_NOISE = 0.008
SINGLES, PLAYED = 0.25, 0.5
"""Shares of examples that are pushes asked for by themselves, and boards played without physics."""


@dataclass(frozen=True)
class Example:
    """One board with what is to be said of it."""

    slots: NDArray[np.float32]
    goal: str
    subgoal: str | None
    """None where nothing is left to do, or where what was tried failed."""
    steps: tuple[float, ...]
    """Control steps to go, one number for each time that it was played to its end."""


class Demonstrations:
    """Rollouts and boards that were played without physics (`demos.played`), seen as examples."""

    def __init__(self, shards: Sequence[Path], played: Sequence[Path] = ()) -> None:
        self._played = [Played.load(path) for path in played]
        self._rollouts = [Rollouts.load(path) for path in shards]
        self._states = [slots.from_poses(r.poses, r.effector) for r in self._rollouts]
        self._asked = [[read_instruction(text) for text in r.push_text] for r in self._rollouts]
        self._long = [
            (s, e) for s, r in enumerate(self._rollouts) for e, goal in enumerate(r.episode_goal) if goal
        ]
        self._left = {(s, e): steps_left(self._rollouts[s], e) for s, e in self._long}

    def long(self, rng: np.random.Generator) -> Example:
        """A random moment of a long task."""
        shard, episode = self._long[int(rng.integers(len(self._long)))]
        source = self._rollouts[shard]
        start, stop = _span(source, episode)
        if stop <= start:
            return self.long(rng)
        step = int(rng.integers(start, stop)) if rng.random() < 0.93 else stop - 1
        push = int(source.push[step])
        left = float(self._left[shard, episode][step - start])
        at_rest = step >= int(source.push_stop[push]) - HOLD
        if at_rest and push + 1 < len(source.push_start) and int(source.push_start[push + 1]) < stop:
            push += 1
        elif at_rest:
            push = -1
        good = push >= 0 and bool(source.push_done[push])
        asked = self._asked[shard][push] if good else None
        return _vary(rng, self._states[shard][step], source.episode_goal[episode], asked, (left,))

    def played(self, rng: np.random.Generator) -> Example:
        """A board of a long task that was played several times without physics; where there is none, a random
        moment of a demonstration."""
        if not self._played:
            return self.long(rng)
        source = self._played[int(rng.integers(len(self._played)))]
        row = int(rng.integers(len(source.goal)))
        asked = read_instruction(str(source.asked[row])) if source.asked[row] else None
        steps = tuple(map(float, source.steps[row]))
        return _vary(rng, source.slots[row], str(source.goal[row]), asked, steps)

    def single(self, rng: np.random.Generator) -> Example:
        """A random moment of a push asked for by itself."""
        shard = int(rng.integers(len(self._rollouts)))
        source = self._rollouts[shard]
        push = int(rng.integers(len(source.push_start)))
        if not source.push_done[push]:
            return self.single(rng)
        first, stop = int(source.push_start[push]), int(source.push_stop[push])
        step = first if rng.random() < 0.3 else int(rng.integers(first, stop))
        left = float(max(0, stop - HOLD - step))
        return _vary(rng, self._states[shard][step], "", self._asked[shard][push], (left,))


def _span(source: Rollouts, episode: int) -> tuple[int, int]:
    """First step of an episode and one past its last."""
    return (int(source.episode_stop[episode - 1]) if episode else 0), int(source.episode_stop[episode])


def steps_left(source: Rollouts, episode: int) -> NDArray[np.float32]:
    """For each control step of a long episode: steps to go to its end where it was completed; else to the
    best reward still to come, and MISSED for what was never reached, so that a board on which one block
    is lost still tells better from worse."""
    start, stop = _span(source, episode)
    count = stop - start
    if source.episode_done[episode] or not count:
        return np.arange(count - 1, -1, -1, dtype=np.float32)
    task = BY_INSTRUCTION[source.episode_goal[episode]]
    left = np.zeros(count, np.float32)
    best, best_at = -1.0, count
    for at in range(count - 1, -1, -1):
        named = zip(KINDS, source.poses[start + at], strict=True)
        reward = task.reward({k: p[:2].astype(float) for k, p in named if np.isfinite(p[0])}, BLOCK_8)
        if reward >= best:
            best, best_at = reward, at
        left[at] = best_at - at + MISSED * (1 - best)
    return left


def _vary(
    rng: np.random.Generator,
    state: NDArray[np.float32],
    goal: str,
    asked: Instruction | None,
    steps: tuple[float, ...],
) -> Example:
    """An example under random symmetries; an empty goal stands for the push itself, in random words."""
    fixed = goal.startswith("sort")
    if not fixed:
        renaming = Renaming(rng.permutation(4))
        state, asked = renaming.slots(state), asked and renaming.instruction(asked)
        corner = asked is not None and asked.family == "block1_to_corner"
        if rng.random() < 0.5 and not corner:
            state, goal = mirror_slots(state), mirror_text(goal)
            asked = asked and mirror_instruction(asked)
    if not goal and asked is not None:
        table = [kind for kind, there in zip(KINDS, state[:, 0], strict=False) if there]
        goal = canonical(asked) if rng.random() < 0.3 else phrase(asked, table, rng)
    return Example(state, goal, canonical(asked) if asked else None, steps)


def _example(data: Demonstrations, rng: np.random.Generator) -> Example:
    kind = rng.random()
    if kind < SINGLES:
        return data.single(rng)
    return data.played(rng) if kind < SINGLES + PLAYED else data.long(rng)


def _chances(outcomes: tuple[float, ...]) -> torch.Tensor:
    """How likely each bin of steps-to-go is, [BINS]."""
    return tokens.soft_bins(torch.tensor(outcomes)).mean(0)


def batches(data: Demonstrations, batch_size: int, seed: int) -> Iterator[Batch]:
    """Random batches for ever: slots, model input, labels [N, L] (-100: none), bins [N, BINS], place of
    the steps mark [N]."""
    rng = np.random.default_rng(seed)
    while True:
        examples = [_example(data, rng) for _ in range(batch_size)]
        said = [[*tokens.encode(e.subgoal), tokens.EOS] if e.subgoal else [] for e in examples]
        given = prompt([e.goal for e in examples], [[tokens.STEPS, tokens.DO, *words] for words in said])
        labels = torch.full_like(given["input_ids"], -100)
        length = labels.shape[1]
        for row, words in zip(labels, said, strict=True):
            if words:
                row[length - len(words) - 1 : length - 1] = torch.tensor(words)
        state = np.stack([e.slots for e in examples])
        noise = rng.normal(0, 1, (*state.shape[:2], 4)) * np.array([PLACE_NOISE, PLACE_NOISE, 0.06, 0.06])
        state[..., 1:] += noise.astype(np.float32) * state[..., :1]
        yield given | {
            "slots": torch.from_numpy(state),
            "labels": labels,
            "bins": torch.stack([_chances(e.steps) for e in examples]),
            "mark": torch.tensor([length - len(words) - 2 for words in said]),
        }
