"""Searches that fill a time: on a clock that only imagining moves."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from planner import Frames, NoPlan, Search, search, search_for
from planner.fakes import BanditProposer, BanditValue, BanditVideo, number_frame


class Clock:
    """Stands in for the module `time`."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@dataclass(frozen=True)
class SlowVideo(BanditVideo):
    """Takes a second a clip."""

    clock: Clock

    def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> Frames:
        self.clock.now += len(frames)
        return super().imagine(frames, subgoals, seeds)


class Searches:
    """`search` with fakes, 3 clips in level one and 6 in level two; notes the seeds of its calls."""

    def __init__(self, clock: Clock, **settings: Any) -> None:
        models = (BanditProposer(), SlowVideo(noise=3, clock=clock), BanditValue())
        sizes = {"beams": 2, "language_branches": 3, "video_branches": 1, "horizon": 2} | settings
        self.find = partial(search, *models, number_frame(0), "reach 100", **sizes)
        self.seeds: list[int] = []
        self.found: list[Search] = []

    def __call__(self, *, seed: int, deadline: float) -> Search:
        self.seeds.append(seed)
        self.found.append(self.find(seed=seed, deadline=deadline))
        return self.found[-1]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for name in ("planner.search", "planner.restarts"):
        monkeypatch.setattr(sys.modules[name], "time", clock)
    return clock


@pytest.mark.parametrize(("seconds", "spent", "plan"), [(1, 3, 1), (8, 6, 1), (9.5, 9, 2), (31, 30, 2)])
def test_time_is_filled_and_not_overrun_but_for_the_first_level(
    clock: Clock, seconds: float, spent: float, plan: int
) -> None:
    found = search_for(Searches(clock), seconds=seconds, seed=7)
    assert clock.now - 100 == spent
    assert len(found.plan) == plan


def test_the_first_search_is_the_one_without_restarts(clock: Clock) -> None:
    searches = Searches(clock)
    first = search_for(searches, seconds=1, seed=7)
    alone = searches.find(seed=7, deadline=clock.now)
    assert first.stopped == "deadline" and searches.seeds == [7]
    assert [node.seed for node in first.tree.nodes] == [node.seed for node in alone.tree.nodes]


def test_the_best_of_all_plans_is_taken(clock: Clock) -> None:
    searches = Searches(clock)
    found = search_for(searches, seconds=60, seed=7)
    left = [one.plan.steps_to_go for one in searches.found]
    assert len(set(searches.seeds)) == len(left) >= 6 and len(set(left)) > 1
    assert found is searches.found[left.index(min(left))]


def test_a_plan_that_is_done_ends_it(clock: Clock) -> None:
    searches = Searches(clock)
    assert search_for(searches, seconds=600, seed=7, done_below=95).plan.steps_to_go <= 95
    assert len(searches.seeds) == 1


def test_a_search_without_a_plan_is_followed_by_another(clock: Clock) -> None:
    searches = Searches(clock)

    def fails_once(*, seed: int, deadline: float) -> Search:
        found = searches(seed=seed, deadline=deadline)
        if len(searches.seeds) == 1:
            raise NoPlan(found.tree)
        return found

    assert search_for(fails_once, seconds=20, seed=7) in searches.found[1:]
    with pytest.raises(NoPlan, match="all 3 branches"):
        search_for(Searches(clock, max_value_gain=-1000.0), seconds=20, seed=7)
