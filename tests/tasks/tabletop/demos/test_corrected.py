"""Corrections: an expert goes on from where a policy got, and brings it to its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.tabletop.demos import corrected
from tasks.tabletop.demos.acting import LAST, Attempt
from tasks.tabletop.demos.corrected import CORRECTED, EASY, TAKEN, collect_corrected, correct
from tasks.tabletop.demos.demonstrator import Push, run_push
from tasks.tabletop.demos.lerobot_read import read_episodes
from tasks.tabletop.language import parse
from tasks.tabletop.world import board
from tasks.tabletop.world.world import World

Frame = NDArray[np.uint8]


class Astray:
    """Goes to one side whatever is wanted; keeps what it was told and shown."""

    def __init__(self) -> None:
        self.words: set[str] = set()
        self.shown: list[bool] = []

    def __call__(self, frame: Frame, goal_frame: Frame | None, words: str) -> NDArray[np.float32]:
        self.words.add(words)
        self.shown.append(goal_frame is not None)
        return np.tile(np.array([0.0, 0.015], np.float32), (6, 1))


@pytest.mark.usefixtures("as_dots")
def test_the_expert_takes_over_where_the_policy_got() -> None:
    policy = Astray()
    episodes = [episode for seed in range(5, 9) for episode in correct(seed, policy)]
    assert 4 < len(episodes) <= 4 * TAKEN
    assert {episode.instruction for episode in episodes} <= policy.words
    assert len({episode.instruction for episode in episodes}) > 1
    assert True in policy.shown and False in policy.shown, "with and without what is to come about"
    for episode in episodes:
        assert episode.success and episode.source == CORRECTED and len(episode.rgb) > 3
        assert episode.subgoal == (episode.instruction,) * len(episode.rgb)
        assert parse(episode.instruction).blocks()
    begun = [episode.effector_target[0, 1] for episode in episodes]
    assert max(begun) > 0.25, "some begin as far on that side as the policy could go"


@pytest.mark.usefixtures("as_dots")
def test_one_that_heeds_words_alone_is_corrected_in_words_and_families_are_kept_to() -> None:
    policy = Astray()
    families = ("block2block", "block2line")
    episodes = [episode for seed in range(5, 8) for episode in correct(seed, policy, 0.0, families)]
    assert episodes and not any(policy.shown)
    assert {parse(episode.instruction).family for episode in episodes} == set(families)


@pytest.mark.usefixtures("as_dots")
def test_what_came_to_nothing_is_corrected_from_oftener(monkeypatch: pytest.MonkeyPatch) -> None:
    def corrections(there: bool) -> int:
        places = lambda world, *_: Attempt([world.save() for _ in range(10)], there, False)  # noqa: E731
        monkeypatch.setattr(corrected, "act", places)
        return len(list(correct(5, Astray(), 0.0, ("block2line",))))

    assert 0 < corrections(there=True) <= EASY < corrections(there=False) <= TAKEN


@pytest.mark.usefixtures("as_dots")
def test_where_a_block_would_be_lost_the_expert_takes_over_and_keeps_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(corrected, "PUSHES", 4)
    policy = Astray()
    of_seeds = [list(correct(seed, policy, lost=True)) for seed in (9, 10)]
    assert any(of_seeds) and not all(of_seeds), "nothing where nothing is lost"
    assert not any(policy.shown) and all(len(episodes) <= LAST for episodes in of_seeds)
    episodes = [episode for found in of_seeds for episode in found]
    for episode in episodes:
        assert episode.success and np.isfinite(episode.blocks[-1, :, 0]).sum() == len(board.BLOCK_8)
    nearest = max(np.nanmax(episode.blocks[0, :, 1]) for episode in episodes)
    assert nearest > 0.28, "some at the very edge over which the policy pushes"


@pytest.mark.usefixtures("as_dots")
def test_most_ways_to_long_tasks_are_the_policys_own(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[Push] = []

    def played_by_the_expert(world: World, push: Push, rng: np.random.Generator) -> Iterator[Any]:
        played.append(push)
        yield from run_push(world, push, rng)

    monkeypatch.setattr(corrected, "run_push", played_by_the_expert)
    world, who = World(), list[str]()
    try:
        for seed in range(10):
            policy = Astray()
            played.clear()
            corrected._begun(world, np.random.default_rng(seed), (), policy, 1.0)
            assert not (played and policy.words), "of one board all pushes are of one of them"
            who += ["expert"] if played else ["policy"] if policy.words else []
    finally:
        world.close()
    assert 0 < who.count("expert") < who.count("policy")


@pytest.mark.usefixtures("as_dots")
def test_where_all_is_done_one_that_is_shown_it_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = corrected._begun

    def done(world: World, rng: np.random.Generator, *others: Any) -> Push | None:
        push = begin(world, rng, *others)
        if push is not None:
            for _ in run_push(world, push, rng):
                pass
        return push

    monkeypatch.setattr(corrected, "_begun", done)
    shown: list[bool] = []

    def still(frame: Frame, goal_frame: Frame | None, words: str) -> NDArray[np.float32]:
        shown.append(goal_frame is not None)
        return np.zeros((6, 2), np.float32)

    found = []
    for seed in range(5, 13):
        shown.clear()
        episodes = list(correct(seed, still))
        if shown:  # there is a push on that board
            found.append((episodes, shown[-1]))
    assert {is_shown for _, is_shown in found} == {True, False}
    for episodes, is_shown in found:
        assert len(episodes) == (TAKEN if is_shown else 0), "one that is told would rest just short of it"
        assert all(not episode.action.any() for episode in episodes)


def test_the_same_seed_and_policy_give_the_same(tmp_path: Path) -> None:
    first, second = list(correct(3, Astray())), list(correct(3, Astray()))
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.rgb, other.rgb)
        np.testing.assert_array_equal(one.action, other.action)
    assert collect_corrected(tmp_path / "data", Astray(), episodes=2, first_seed=3) == 2
    written = list(read_episodes(tmp_path / "data"))
    assert [episode.instruction for episode in written] == [e.instruction for e in first[:2]]
