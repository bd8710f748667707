"""Questions and answers about moments of recorded episodes, for ever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.domain import CONTROL_HZ
from video.latent import text
from video.latent.clips import Frames
from video.latent.store import FrameStore
from vlp.vlm.latent import words

IGNORED: Final = -100
"""Label of tokens that are not learned."""
AT_END: Final = 0.3
"""Seconds before the end of a success within which its task is done."""
NEARLY: Final = 2.0
"""Seconds before the end of a success within which it may be done already: nothing is asked of that."""
LATE: Final = 0.25
"""Share of an episode, its last, whose moments are taken for done most easily, and so asked about often."""


@dataclass(frozen=True)
class Clock:
    """How the time to the end is cut into bins, each as much longer as it is later, and how often it is the
    end."""

    longest: float
    """Control steps of the last bin's centre."""
    often: float = 1.0
    """Times as often as there are ends among moments of the dataset, one was asked about (odds)."""

    def chance(self, told: float) -> float:
        """The chance that a moment of the dataset is an end, of one that was told for moments as they were
        asked about (Saerens et al., "Adjusting the outputs of a classifier to new a priori probabilities",
        2002)."""
        odds = told / max(1e-9, 1 - told) / self.often
        return odds / (1 + odds)

    @property
    def centres(self) -> NDArray[np.float64]:
        """[BINS] control steps."""
        return np.expm1(np.linspace(0.0, np.log1p(self.longest), words.BINS))

    def bin(self, steps: float) -> int:
        """The bin whose centre is nearest, by ratio."""
        return int(np.abs(np.log1p(self.centres) - np.log1p(steps)).argmin())


class Lessons:
    """All moments of a store, asked for the next subgoal, the time to the end, and whether it is reached.

    Nothing is asked of the time in episodes that failed; that they are not done is, at their ends above all.

    Args:
        tokenizer: see `words`.
        reader: the tokenizer of the model of video and action, in whose words goals are told to the hints.
    """

    def __init__(self, store: FrameStore, latents: Frames, tokenizer: Any, reader: Any) -> None:
        self._store, self._latents, self._tokenizer = store, latents, tokenizer
        lengths = store.stop - store.start
        self._episode = np.repeat(np.arange(len(lengths)), lengths)
        left = store.stop[self._episode] - 1 - np.arange(len(store))
        self._left = left / store.fps * CONTROL_HZ
        self._good = store.success[self._episode]
        over = left <= AT_END * store.fps
        self._over = self._good & over
        self._ends = np.flatnonzero(over)
        unclear = self._good & ~over & (left <= NEARLY * store.fps)
        self._clear = np.flatnonzero(~unclear) if (~unclear & ~over).any() else np.arange(len(store))
        late = left < LATE * lengths[self._episode]
        self._late = np.intersect1d(np.flatnonzero(late & ~over), self._clear)
        self._late = self._late if len(self._late) else self._clear
        self.clock = Clock(float(max(1.0, self._left[self._good].max(initial=1.0))), self._often())
        self._goals = text.encode(reader, store.texts)
        self._texts = [words.numbers(tokenizer, text) for text in store.texts]
        one = words.of(tokenizer, words.SUBGOAL, words.STEPS, words.DONE, words.END, words.NO, words.YES)
        self._subgoal, self._steps, self._done, self._end, self._no, self._yes = one
        self._bins = words.of(tokenizer, *words.bins())

    def at(self, frame: int, question: str) -> tuple[list[int], list[int]]:
        """Tokens of a question about a frame, and of its answer."""
        store = self._store
        subgoal, task = (self._texts[number] for number in store.text[frame])
        if question == words.SUBGOAL:
            return [*task, self._subgoal], [*subgoal, self._end]
        if question == words.STEPS:
            return [*task, self._steps], [self._bins[self.clock.bin(self._left[frame])]]
        return [*task, self._done], [self._yes if self._over[frame] else self._no]

    def _often(self) -> float:
        """See Clock."""
        asked = np.mean(
            [self._over[some].mean() for some in (self._ends, self._ends, self._clear, self._late)]
        )
        there = float(self._over[self._clear].mean())
        odds = [min(max(share, 1e-4), 1 - 1e-4) for share in (float(asked), there)]
        return odds[0] / (1 - odds[0]) / (odds[1] / (1 - odds[1]))

    def batch(self, frames: NDArray[np.int64], questions: list[str]) -> dict[str, Tensor]:
        """latents [N, C, h, w], goals [N, L'], tokens and labels [N, L]."""
        asked = [self.at(int(frame), question) for frame, question in zip(frames, questions, strict=True)]
        length = min(words.MOST, max(len(before) + len(after) for before, after in asked))
        tokens = torch.full((len(asked), length), self._end)
        labels = torch.full((len(asked), length), IGNORED)
        for row, (before, after) in enumerate(asked):
            whole = [*before, *after][:length]
            tokens[row, : len(whole)] = torch.tensor(whole)
            labels[row, len(before) : len(whole)] = torch.tensor(whole[len(before) :])
        goals = self._goals[self._store.text[frames, 1]]
        return {"latents": self._latents[frames].float(), "goals": goals, "tokens": tokens, "labels": labels}

    def batches(self, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """Random moments for ever: half subgoals, a quarter times, a quarter ends, of which half are at one,
        and of the others half late in an episode."""
        rng = np.random.default_rng(seed)
        good = np.flatnonzero(self._good)
        while True:
            frames, questions = [], []
            for draw in rng.random(size):
                if draw < 1 / 2 or not len(good):
                    frames.append(int(rng.integers(len(self._store))))
                    questions.append(words.SUBGOAL)
                elif draw < 3 / 4:
                    frames.append(int(rng.choice(good)))
                    questions.append(words.STEPS)
                else:
                    some = (self._ends, self._ends, self._clear, self._late)[int(rng.integers(4))]
                    frames.append(int(rng.choice(some)))
                    questions.append(words.DONE)
            yield self.batch(np.array(frames), questions)
