"""Remembered searches: what was imagined is not imagined again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner import StepsToGo
from vlp.durable.recall import Recall
from vlp.durable.store import Store

FRAMES = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)


class Noisy:
    """Never gives the same clip, nor the same value, twice."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._generator = np.random.default_rng()

    def imagine(
        self, frames: NDArray[np.uint8], subgoals: Sequence[str], seeds: Sequence[int]
    ) -> NDArray[np.uint8]:
        self.asked += subgoals
        return self._generator.integers(0, 256, (len(frames), 2, 4, 4, 3), np.uint8)

    def steps_to_go(self, frames: NDArray[np.uint8], goal: str) -> StepsToGo:
        draws = self._generator.random((2, len(frames)), np.float32)
        return StepsToGo(draws[0], draws[1])


def test_only_what_is_new_is_imagined() -> None:
    with Store() as store:
        inner = Noisy()
        video = Recall(store).video(inner)
        first = video.imagine(FRAMES, ["a", "b"], [1, 2])
        again = video.imagine(FRAMES[::-1], ["b", "c"], [2, 3])
        assert inner.asked == ["a", "b", "c"] and np.array_equal(first[1], again[0])
        assert not np.array_equal(video.imagine(FRAMES, ["a", "b"], [1, 9])[1], first[1]), "another seed"
        assert inner.asked == ["a", "b", "c", "b"]


def test_values_come_back_and_are_forgotten_with_the_search() -> None:
    with Store() as store:
        recall = Recall(store)
        value = recall.value(Noisy())
        first, again = value.steps_to_go(FRAMES, "goal"), value.steps_to_go(FRAMES, "goal")
        assert np.array_equal(first.mean, again.mean) and first.mean.dtype == np.float32
        assert not np.array_equal(value.steps_to_go(FRAMES, "other").mean, first.mean)
        recall.forget()
        assert not np.array_equal(value.steps_to_go(FRAMES, "goal").mean, first.mean)
