"""Questions and answers about moments of recorded episodes, for ever."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from video.latent import text
from video.latent.clips import Frames
from video.latent.ends import SUBGOAL, TASK, Ends
from video.latent.store import FrameStore
from vlp.vlm.latent import words

IGNORED: Final = -100
"""Label of tokens that are not learned."""
OTHERS: Final = 5
"""Each so many'th batch is of corrections, where there are some."""


@dataclass(frozen=True)
class Clock:
    """How the time to the end is cut into bins, each as much longer as it is later, and how often it is the
    end."""

    longest: float
    """Control steps of the last bin's centre."""
    often: tuple[float, float] = (1.0, 1.0)
    """Times as often as there are ends among moments of the dataset, one was asked about (odds): of a
    subgoal, of a task."""

    def chance(self, told: float, of: int = TASK) -> float:
        """The chance that a moment of the dataset is an end, of one that was told for moments as they were
        asked about (Saerens et al., "Adjusting the outputs of a classifier to new a priori probabilities",
        2002)."""
        odds = told / max(1e-9, 1 - told) / self.often[of]
        return odds / (1 + odds)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """The way back from `asdict` through JSON. Raises TypeError and ValueError for what is none."""
        subgoal, task = told["often"]
        return cls(float(told["longest"]), (float(subgoal), float(task)))

    @property
    def centres(self) -> NDArray[np.float64]:
        """[BINS] control steps."""
        return np.expm1(np.linspace(0.0, np.log1p(self.longest), words.BINS))

    def bin(self, steps: float) -> int:
        """The bin whose centre is nearest, by ratio."""
        return int(np.abs(np.log1p(self.centres) - np.log1p(steps)).argmin())


Question = tuple[int, str, int, int | None]
"""A frame, what is asked, the text that it is asked of, and a bin or whether it is done."""


class Lessons:
    """All moments of a store, asked for the next subgoal, the time to the end, and whether it is reached: of
    a task, and of each of its subgoals.

    Nothing is asked of the time in episodes that failed; that they are not done is.

    Args:
        tokenizer: see `words`.
        reader: the tokenizer of the model of video and action, in whose words goals are told to the hints.
        ends: whether the ends of subgoals are asked about, and little else.
    """

    def __init__(
        self, store: FrameStore, latents: Frames, tokenizer: Any, reader: Any, *, ends: bool = False
    ) -> None:
        self._store, self._latents, self._tokenizer = store, latents, tokenizer
        self._ends_alone = ends
        self._ends = (Ends(store, SUBGOAL), Ends(store, TASK))
        self._good = np.flatnonzero(self._ends[TASK].good)
        left = self._ends[TASK].left[self._good]
        longest = float(max(1.0, left.max(initial=1.0)))
        self.clock = Clock(longest, (self._ends[SUBGOAL].often, self._ends[TASK].often))
        self._goals = text.encode(reader, store.texts)
        self._texts = [words.numbers(tokenizer, text) for text in store.texts]
        one = words.of(tokenizer, words.SUBGOAL, words.STEPS, words.DONE, words.END, words.NO, words.YES)
        self._subgoal, self._steps, self._done, self._end, self._no, self._yes = one
        self._bins = words.of(tokenizer, *words.bins())

    def at(self, question: Question) -> tuple[list[int], list[int]]:
        """Tokens of a question, and of its answer."""
        frame, asked, of, answer = question
        said = self._texts[of]
        if asked == words.SUBGOAL:
            return [*said, self._subgoal], [*self._texts[self._store.text[frame, SUBGOAL]], self._end]
        if asked == words.STEPS:
            return [*said, self._steps], [self._bins[int(answer or 0)]]
        return [*said, self._done], [self._yes if answer else self._no]

    def batch(self, questions: list[Question]) -> dict[str, Tensor]:
        """latents [N, C, h, w], goals [N, L'], tokens and labels [N, L]."""
        asked = [self.at(question) for question in questions]
        length = min(words.MOST, max(len(before) + len(after) for before, after in asked))
        tokens = torch.full((len(asked), length), self._end)
        labels = torch.full((len(asked), length), IGNORED)
        for row, (before, after) in enumerate(asked):
            whole = [*before, *after][:length]
            tokens[row, : len(whole)] = torch.tensor(whole)
            labels[row, len(before) : len(whole)] = torch.tensor(whole[len(before) :])
        frames = np.array([question[0] for question in questions])
        goals = self._goals[[question[2] for question in questions]]
        return {"latents": self._latents[frames].float(), "goals": goals, "tokens": tokens, "labels": labels}

    def draw(self, rng: np.random.Generator) -> Question:
        """A random question: three eighths are for subgoals, two for times, three for ends, of which a third
        are of tasks; or a quarter for subgoals, and the others for their ends."""
        which, column = rng.random(), SUBGOAL if rng.random() < 2 / 3 else TASK
        if self._ends_alone:
            which, column = (0.0 if which < 1 / 4 else 1.0), SUBGOAL
        if which < 3 / 8 or not len(self._good):
            frame = int(rng.integers(len(self._store)))
            return frame, words.SUBGOAL, int(self._store.text[frame, TASK]), None
        if which < 5 / 8 or not self._ends[column]:
            frame = int(rng.choice(self._good))
            step = self.clock.bin(self._ends[TASK].left[frame])
            return frame, words.STEPS, int(self._store.text[frame, TASK]), step
        moment = self._ends[column].draw(rng)
        return moment.shown, words.DONE, moment.text, int(moment.done)

    def batches(self, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """Random questions for ever."""
        rng = np.random.default_rng(seed)
        while True:
            yield self.batch([self.draw(rng) for _ in range(size)])


def mixed(lessons: Sequence[Lessons], size: int, seed: int) -> Iterator[dict[str, Tensor]]:
    """Batches of the first, and each so many'th of the others in turn."""
    each = [some.batches(size, seed + number) for number, some in enumerate(lessons)]
    others = itertools.cycle(each[1:] or each)
    for number in itertools.count(1):
        yield next(next(others) if number % OTHERS == 0 else each[0])
