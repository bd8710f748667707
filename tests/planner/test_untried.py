"""What came to nothing is not proposed again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from planner import Frames, Proposal, Untried

FRAMES = np.zeros((2, 4, 4, 3), np.uint8)


class Alphabet:
    """Proposes a, b, c and d to every beam, and keeps how many it was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        self.asked.append(n)
        return [[Proposal(text, 0.25) for text in "abcd"][:n] for _ in histories]


def proposed(stalled: Sequence[str], histories: Sequence[Sequence[str]], n: int = 2) -> list[str]:
    found = Untried(Alphabet(), stalled).propose(FRAMES, "spell", histories, n, seed=0)
    return ["".join(one.text for one in row) for row in found]


def test_others_take_the_place_of_what_came_to_nothing() -> None:
    assert proposed([], [(), ()]) == ["ab", "ab"]
    assert proposed(["a"], [(), ()]) == ["bc", "bc"]
    assert proposed(["a", "c"], [()]) == ["bd"]


def test_where_nothing_else_is_proposed_it_is_tried_again() -> None:
    assert proposed(list("abcd"), [()]) == ["ab"]


def test_further_on_the_scene_is_another() -> None:
    assert proposed(["a"], [("b",), ("c",)]) == ["ab", "ab"]


def test_no_more_are_asked_for_where_nothing_came_to_nothing() -> None:
    alphabet = Alphabet()
    Untried(alphabet, []).propose(FRAMES, "spell", [()], 2, seed=0)
    Untried(alphabet, ["a", "a", "b"]).propose(FRAMES, "spell", [()], 2, seed=0)
    assert alphabet.asked == [2, 6]
