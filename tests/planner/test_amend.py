"""Searches that go on from a tree as an operator changed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from planner import Amendment, Known, NoPlan, Proposal, Search, StepsToGo, search
from planner.types import Frames

START = np.full((1, 1, 3), 10, np.uint8)


@dataclass
class Counter:
    """Pictures of one pixel: a subgoal adds its number, and the value is what is left to 100."""

    imagined: list[str] = field(default_factory=list)

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        return [[Proposal(f"add {i + 1}", 0.5) for i in range(n)] for _ in frames]

    def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> Frames:
        self.imagined += subgoals
        added = np.array([int(text.split()[1]) for text in subgoals], np.uint8)
        return (frames + added[:, None, None, None])[:, None]

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        left = 100 - frames[:, 0, 0, 0].astype(np.float32)
        return StepsToGo(left, np.ones_like(left))


class NoSevens:
    """Drops what adds seven."""

    def check(self, starts: Frames, clips: Frames, subgoals: Sequence[str]) -> list[str | None]:
        return ["a seven" if text == "add 7" else None for text in subgoals]


def plan(model: Counter, known: Known | None = None) -> Search:
    return search(
        model, model, model, START, "a hundred", guards=[NoSevens()],
        beams=1, language_branches=3, video_branches=1, horizon=2, seed=0, known=known,
    )  # fmt: skip


@pytest.fixture
def first() -> Search:
    return plan(Counter())


def test_without_changes_nothing_is_imagined(first: Search) -> None:
    model = Counter()
    again = plan(model, Known(first.tree, Amendment()))
    assert model.imagined == [] and again.plan.subgoals == first.plan.subgoals == ("add 3", "add 3")
    assert [(n.subgoal, n.seed, n.parent, n.kept) for n in again.tree.nodes] == [
        (n.subgoal, n.seed, n.parent, n.kept) for n in first.tree.nodes
    ]


def test_a_rejected_branch_stays_in_the_tree_with_its_reason(first: Search) -> None:
    model = Counter()
    again = plan(model, Known(first.tree, Amendment(rejected={2: "too far"})))
    assert again.tree.nodes[2].rejected == "rejected by the operator: too far"
    assert again.plan.subgoals == ("add 2", "add 3")
    assert model.imagined == ["add 1", "add 2", "add 3"], "the next best had no branches yet"


def test_a_subtree_of_a_rejected_leaf_is_kept(first: Search) -> None:
    model = Counter()
    leaf = first.plan[1].node_id
    again = plan(model, Known(first.tree, Amendment(rejected={leaf: "no"})))
    assert model.imagined == [] and again.plan.subgoals == ("add 3", "add 2")


def test_another_branch_is_picked_though_it_is_worse(first: Search) -> None:
    model = Counter()
    again = plan(model, Known(first.tree, Amendment(picked=0)))
    assert again.plan.subgoals == ("add 1", "add 3") and len(model.imagined) == 3
    third = plan(model, Known(again.tree, Amendment(rejected={again.plan[1].node_id: "no"}, picked=0)))
    assert third.plan.subgoals == ("add 1", "add 2") and len(model.imagined) == 3


def test_edited_words_are_imagined_and_gone_through(first: Search) -> None:
    model = Counter()
    again = plan(model, Known(first.tree, Amendment(edited=(1, "add 8"))))
    assert again.plan.subgoals == ("add 8", "add 3") and model.imagined[0] == "add 8"
    assert len({n.id for n in again.tree.nodes}) == len(again.tree.nodes)


def test_edited_words_that_a_guard_drops_leave_no_other_plan(first: Search) -> None:
    model = Counter()
    with pytest.raises(NoPlan, match=r"of the branches that were asked for none is left \(1 x a seven\)"):
        plan(model, Known(first.tree, Amendment(edited=(1, "add 7"))))
    assert model.imagined == ["add 7"]


def test_when_all_is_rejected_there_is_no_plan(first: Search) -> None:
    with pytest.raises(NoPlan, match="rejected by the operator"):
        plan(Counter(), Known(first.tree, Amendment(rejected={0: "a", 1: "b", 2: "c"})))


@pytest.mark.parametrize(
    ("amendment", "words"),
    [
        (Amendment(picked=9), "expected 0 to 5, got 9"),
        (Amendment(rejected={-1: ""}), "expected 0 to 5, got -1"),
        (Amendment(edited=(0, " ")), "expected words"),
        (Amendment(picked=0, rejected={0: "why not"}), "rejected: why not"),
        (Amendment(picked=0, edited=(1, "add 5")), "got both"),
    ],
)
def test_what_a_tree_does_not_allow(first: Search, amendment: Amendment, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Known(first.tree, amendment)
