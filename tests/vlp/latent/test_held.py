"""Clips that stay as they are once what they show is done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vlp.latent.held import HeldClips
from vlp.vlm.latent.lessons import SUBGOAL
from vlp.vlm.latent.vlm import LatentVLM


class Counting:
    """Imagines frames that are numbered, of clips that are, too."""

    def __init__(self, length: int) -> None:
        self._length = length

    def imagine(self, frames: Any, subgoals: Sequence[str], seeds: Sequence[int]) -> Any:
        numbers = np.arange(self._length) + 10 * np.arange(len(frames))[:, None]
        return np.broadcast_to(numbers[..., None, None, None], (*numbers.shape, 2, 2, 3)).astype(np.uint8)


def held(length: int, over: Any) -> Any:
    clips = HeldClips(Counting(length), over).imagine(np.zeros((3, 2, 2, 3), np.uint8), "abc", [0, 1, 2])  # type: ignore[arg-type]
    return clips[..., 0, 0, 0].tolist()


def test_a_clip_is_still_from_where_its_subgoal_is_first_done() -> None:
    asked: list[tuple[int, str]] = []

    def over(frames: Any, subgoals: Sequence[str]) -> Any:
        asked.extend(zip(frames[:, 0, 0, 0].tolist(), subgoals, strict=True))
        return np.isin(frames[:, 0, 0, 0], [3, 5, 15])

    assert held(8, over) == [[0, 1, 2, 3, 3, 3, 3, 3], [10, 11, 12, 13, 14, 15, 15, 15], list(range(20, 28))]
    assert asked == [
        (1, "a"),
        (3, "a"),
        (5, "a"),
        (11, "b"),
        (13, "b"),
        (15, "b"),
        (21, "c"),
        (23, "c"),
        (25, "c"),
    ]


def test_nothing_is_asked_of_the_last_frame_of_a_short_clip() -> None:
    assert held(1, lambda *_: 1 / 0) == [[0], [10], [20]]


def test_many_are_judged_as_each_alone(weights: Path) -> None:
    vlm, rng = LatentVLM.load(weights / "vlm"), np.random.default_rng(0)
    frames = rng.integers(0, 255, (6, 96, 128, 3), dtype=np.uint8)
    words = ["push the red moon up", "point to the blue cube"] * 3
    alone = [vlm.chance(frame, text, SUBGOAL) for frame, text in zip(frames, words, strict=True)]
    middle = float(np.median(alone))
    # So that about half of them are over, whatever weights that were hardly trained say.
    told = middle / (1 - middle) * vlm.clock.often[SUBGOAL]
    vlm.clock = type(vlm.clock)(vlm.clock.longest, (told, 1.0))
    expected = [vlm.chance(frame, text, SUBGOAL) > 0.5 for frame, text in zip(frames, words, strict=True)]
    assert vlm.over(frames, words).tolist() == expected and 0 < sum(expected) < 6
    assert [vlm.is_over(frame, text) for frame, text in zip(frames, words, strict=True)] == expected
