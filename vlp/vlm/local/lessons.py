"""Lessons of a VLM that was not trained here, from recorded episodes: questions and answers.

The questions are those that it is then asked, as a local model and behind a server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.data.footage import Footage, read_footage
from tasks.data.layout import DatasetError
from tasks.domain import Language
from vlp.vlm import prompts
from vlp.vlm.digits import UNIT

EVERY = 10
"""Frames between two moments of an episode that are learned from, one second of ours."""
MOST_BYTES = 1_000_000_000
"""Of pictures that are kept in memory."""


@dataclass(frozen=True)
class Moment:
    """One frame of an episode, with what is to be said of it."""

    frame: NDArray[np.uint8]
    task: str
    subgoal: str
    """Empty where the dataset has none, or where nothing is left to do."""
    steps: float
    """Control steps to the end; NaN where the episode failed."""
    kinds: tuple[str, ...]
    """Blocks that the episode's subgoals name."""


@dataclass(frozen=True)
class Lesson:
    """One question about a picture, and its answer."""

    frame: NDArray[np.uint8]
    question: str
    answer: str


def moments(
    root: Path, words: Language, camera: str | None = None, tick: Callable[[], None] = lambda: None
) -> list[Moment]:
    """Those of a LeRobotDataset v3.0; `tick` is told of each episode. Raises DatasetError."""
    found: list[Moment] = []
    size = 0
    for footage in read_footage(root, camera):
        for moment in _moments(footage, words):
            if not _answers(moment, words):
                continue
            size += moment.frame.nbytes
            if size > MOST_BYTES:
                return found
            found.append(moment)
        tick()
    if not found:
        raise DatasetError(
            f"expected episodes with subgoals or a success in {root}, got none; give another dataset"
        )
    return found


def _moments(footage: Footage, words: Language) -> Iterator[Moment]:
    texts = " ".join(footage.subgoals)
    kinds = words.mentioned(texts)
    last = len(footage.rgb) - 1
    for k in sorted({*range(0, last, EVERY), last}):
        subgoal = footage.subgoals[k] if footage.subgoals and k < last else ""
        steps = footage.steps_to_go(k) if footage.success else float("nan")
        yield Moment(footage.rgb[k], footage.task, subgoal, steps, kinds)


def lessons(known: list[Moment], words: Language, rng: np.random.Generator) -> Iterator[Lesson]:
    """Questions for ever, of all kinds that each moment has an answer to, which is at least one."""
    while True:
        moment = known[int(rng.integers(len(known)))]
        answers = _answers(moment, words)
        question, answer = answers[int(rng.integers(len(answers)))]
        yield Lesson(moment.frame, question, answer)


def _answers(moment: Moment, words: Language) -> list[tuple[str, str]]:
    """Question and answer of each kind that there is one to; none of a failure without subgoals."""
    return [*_of_subgoal(moment, words), *_of_steps(moment, words)]


def _of_subgoal(moment: Moment, words: Language) -> Iterator[tuple[str, str]]:
    task = moment.task
    if moment.subgoal:
        yield prompts.propose_one(words, task, moment.kinds, ()), moment.subgoal
        as_json = json.dumps({"subgoals": [moment.subgoal]})
        yield prompts.propose(words, task, moment.kinds, (), 1, ()), as_json


def _of_steps(moment: Moment, words: Language) -> Iterator[tuple[str, str]]:
    task, steps = moment.task, moment.steps
    if np.isfinite(steps):
        yield prompts.digits(words, task, 1), str(min(9, round(steps / UNIT)))
        yield prompts.steps(words, task, 1), json.dumps({"steps_to_go": [round(steps)]})
        yield prompts.success_word(task), "yes" if steps == 0 else "no"
        yield prompts.success(task), json.dumps({"reached": bool(steps == 0), "why": "as it looks"})
