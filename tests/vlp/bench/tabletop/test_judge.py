"""The judge of imagined plans: real pushes, and pushes in which something on the way can't happen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks.tabletop.goals import BY_INSTRUCTION
from tasks.tabletop.goals.goal import LongGoal
from tasks.tabletop.world.world import World
from vlp.bench.tabletop.judge import Judge, Verdict
from vlp.bench.tabletop.judge_guards import DoubledGuard
from vlp.evaluate.tabletop.asked import AskedMeasurement, ask
from vlp.evaluate.tabletop.guards import State
from vlp.evaluate.tabletop.judge import Seen, doubled, result, see_plan, see_push, spoilt, state

FAMILY, SEED = "block2area", 1_000_074


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.fixture(scope="module")
def pushed(judge: Judge, world: World) -> tuple[Seen, list[State], AskedMeasurement]:
    asked = ask(world, FAMILY, SEED)
    seen, states = see_push(judge, world, asked, SEED, 90)
    return seen, states, asked


def test_a_real_push_to_its_end_is_accepted(
    judge: Judge, pushed: tuple[Seen, list[State], AskedMeasurement]
) -> None:
    seen = pushed[0]
    assert seen.truth
    assert judge.verdict(seen.goal, seen.start, seen.steps) == Verdict(1.0, None)


def test_a_push_that_is_stopped_early_is_not(judge: Judge, world: World) -> None:
    seen, _ = see_push(judge, world, ask(world, FAMILY, SEED), SEED, 5)
    assert not seen.truth
    assert judge.verdict(seen.goal, seen.start, seen.steps) == Verdict(0.0, None)


def test_what_cannot_happen_is_not_accepted(
    judge: Judge, world: World, pushed: tuple[Seen, list[State], AskedMeasurement]
) -> None:
    seen, states, asked = pushed
    found = {}
    for name, frames in spoilt(world, states, asked):
        verdict = judge.verdict(seen.goal, frames[0], [(seen.steps[0][0], frames[1:])])
        assert not verdict.accepted, name
        found[name] = verdict.cheat or "goal not reached"
    said = {
        "vanished": "vanished",
        "moved_unasked": "moved",
        "overlapping": "",
        "frozen": "goal not reached",
        "moved_alone": "moved with nothing near",
        "jumped": "jumped",
        "doubled": "",
    }
    assert set(found) == set(said)
    for name, words in said.items():
        assert words in found[name], f"{name}: {found[name]}"


def test_a_block_that_is_there_twice_is_seen(judge: Judge, world: World) -> None:
    guard = DoubledGuard(judge.eye)
    real, twice = [], []
    for seed in range(SEED, SEED + 6):
        ask(world, FAMILY, seed)
        shown = doubled(world, [state(world)] * 4)
        assert shown is not None
        real += guard.check(shown[:1], shown[None, :2], ["push the red moon to the center"])
        twice += guard.check(shown[:1], shown[None, 1:], ["push the red moon to the center"])
    assert real == [None] * 6
    assert sum(reason == "red_moon is there twice in frame 2" for reason in twice) >= 4


def test_plans_are_judged_step_by_step(judge: Judge, world: World) -> None:
    task = BY_INSTRUCTION["move all blocks to the left side"]
    seen = see_plan(world, task, SEED, 2)
    verdict = judge.verdict(seen.goal, seen.start, seen.steps)
    assert len(seen.steps) == 2 and not seen.truth
    assert verdict.cheat is None and 0 < verdict.reward < 1
    # The same clips in the wrong order: a step does not go on from where the one before it ended.
    swapped = judge.verdict(seen.goal, seen.start, seen.steps[::-1])
    assert not swapped.accepted and swapped.cheat is not None


def test_the_goal_is_what_the_judge_sees(judge: Judge, world: World) -> None:
    ask(world, FAMILY, SEED)
    goal = judge.goal("group the blocks by color", world.render())
    assert isinstance(goal, LongGoal)


def test_agreement_is_counted() -> None:
    found = [
        (True, Verdict(1.0, None)),
        (True, Verdict(1.0, "step 1: red_moon vanished in frame 2")),
        (False, Verdict(0.5, None)),
        (False, Verdict(1.0, None)),
    ]
    counted = result(found, 2, {"vanished": [False, True]})
    shares = {
        key: value["share"] for key, value in counted.items() if isinstance(value, dict) and "share" in value
    }
    assert shares == {
        "agreement": 0.5,
        "agreement_pushes": 0.5,
        "agreement_plans": 0.5,
        "truly_reached": 0.5,
        "false_rejects": 0.5,
        "false_accepts": 0.5,
    }
    assert counted["called_impossible_though_real"] == {"step vanished in frame": 1}
    assert counted["spoilt_accepted"]["vanished"]["share"] == 0.5  # type: ignore[index]
