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
"""Each so many'th batch is of corrections, where there are some, and all but one of the others of time
lapses, where there are some: they show more boards than could be demonstrated."""


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
        clock: of the lessons that these are learned beside, None: their own.
    """

    def __init__(
        self,
        store: FrameStore,
        latents: Frames,
        tokenizer: Any,
        reader: Any,
        *,
        ends: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._store, self._latents, self._tokenizer = store, latents, tokenizer
        self._ends_alone = ends
        self._ends = (Ends(store, SUBGOAL), Ends(store, TASK))
        left = self._ends[TASK].left[self._ends[TASK].good]
        longest = float(max(1.0, left.max(initial=1.0)))
        self.clock = clock or Clock(longest, (self._ends[SUBGOAL].often, self._ends[TASK].often))
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

    def batch(self, asked: Sequence[Sequence[Question]]) -> dict[str, Tensor]:
        """Of N frames, each with its questions of one text, latents [N, C, h, w] and goals [N, L'], and of
        all M questions tokens and labels [M, L] and the frame [M] that each is about."""
        said = [self.at(question) for questions in asked for question in questions]
        length = min(words.MOST, max(len(before) + len(after) for before, after in said))
        tokens = torch.full((len(said), length), self._end)
        labels = torch.full((len(said), length), IGNORED)
        for row, (before, after) in enumerate(said):
            whole = [*before, *after][:length]
            tokens[row, : len(whole)] = torch.tensor(whole)
            labels[row, len(before) : len(whole)] = torch.tensor(whole[len(before) :])
        frames = np.array([questions[0][0] for questions in asked])
        goals = self._goals[[questions[0][2] for questions in asked]]
        about = torch.tensor([row for row, questions in enumerate(asked) for _ in questions])
        latents = self._latents[frames].float()
        return {"latents": latents, "goals": goals, "about": about, "tokens": tokens, "labels": labels}

    def draw(self, rng: np.random.Generator) -> list[Question]:
        """Random questions of one frame and text: five eighths are for subgoals, and times where these are
        known, three for ends, of which a third are of tasks; or a quarter for subgoals, and the others for
        their ends. To see a frame takes longer than to answer."""
        which, column = rng.random(), SUBGOAL if rng.random() < 2 / 3 else TASK
        if self._ends_alone:
            which, column = (0.0 if which < 1 / 4 else 1.0), SUBGOAL
        if which < 5 / 8 or not self._ends[column]:
            frame = int(rng.integers(len(self._store)))
            task = int(self._store.text[frame, TASK])
            asked: list[Question] = [(frame, words.SUBGOAL, task, None)]
            if self._ends[TASK].good[frame] and not self._ends_alone:
                asked.append((frame, words.STEPS, task, self.clock.bin(self._ends[TASK].left[frame])))
            return asked
        moment = self._ends[column].draw(rng)
        return [(moment.shown, words.DONE, moment.text, int(moment.done))]

    def batches(self, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """Questions of so many random frames for ever."""
        rng = np.random.default_rng(seed)
        while True:
            yield self.batch([self.draw(rng) for _ in range(size)])


def mixed(
    first: Lessons, corrected: Sequence[Lessons], timelapses: Sequence[Lessons], size: int, seed: int
) -> Iterator[dict[str, Tensor]]:
    """Batches of each, see OTHERS."""
    every = [first, *corrected, *timelapses]
    each = [some.batches(size, seed + number) for number, some in enumerate(every)]
    ends, lapses = each[1 : 1 + len(corrected)], each[1 + len(corrected) :]
    usual, seldom, rare = (itertools.cycle(some or each[:1]) for some in (lapses, each[:1], ends or lapses))
    for number in itertools.count(1):
        yield next(next((rare, seldom)[number % OTHERS] if number % OTHERS < 2 else usual))
