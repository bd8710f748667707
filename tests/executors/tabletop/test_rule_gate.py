"""The gate against rules: geometry by hand, and a hostile pusher in the real simulator."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from executors.tabletop.rule_gate import STEADY, RuleGate, depth
from tasks.tabletop.rules import BoardRules, KeepClear, NeverMove, Rule, SpeedLimit
from tasks.tabletop.world import board
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World

Vector = NDArray[np.float64]
STAR = "red_star"
NEVER, LEFT = NeverMove((STAR,)), KeepClear("left")


def seen(**places: tuple[float, float]) -> tuple[NDArray[np.bool_], Vector]:
    """Presence [17] and places [17, 2] of blocks; the pusher, last, is not looked at."""
    present = np.array([*(kind in places for kind in board.KINDS), True])
    return present, np.array([*(places.get(kind, (0.0, 0.0)) for kind in board.KINDS), (9.0, 9.0)])


def check(
    rule: Rule,
    action: tuple[float, float],
    target: tuple[float, float],
    **places: tuple[float, float],
) -> str | None:
    return RuleGate(BoardRules((rule,))).check(np.array(action, np.float32), target, *seen(**places))


def test_the_pusher_may_not_touch_but_may_pass() -> None:
    reason = check(NEVER, (0.0, 0.04), (0.35, -0.06), red_star=(0.35, 0.0))
    assert reason == 'the pusher could touch the red star; a rule says "never move the red star"'
    assert check(NEVER, (0.0, 0.04), (0.29, -0.02), red_star=(0.35, 0.0)) is None
    assert check(NEVER, (0.0, 0.01), (0.35, -0.06), red_star=(0.35, 0.0)) is None
    assert check(NEVER, (0.0, 0.04), (0.35, -0.06), red_cube=(0.35, 0.0)) is None


def test_a_pusher_that_stands_too_near_may_only_go_away() -> None:
    assert check(NEVER, (0.0, -0.02), (0.35, -0.035), red_star=(0.35, 0.0)) is None
    assert check(NEVER, (0.0, 0.005), (0.35, -0.035), red_star=(0.35, 0.0)) is not None
    assert check(NEVER, (0.0, 0.0), (0.35, -0.035), red_star=(0.35, 0.0)) is None


def test_a_block_may_not_be_pushed_against_it() -> None:
    reason = check(NEVER, (0.0, 0.03), (0.35, -0.11), red_star=(0.35, 0.0), blue_cube=(0.35, -0.065))
    assert reason == 'a block could be pushed against the red star; a rule says "never move the red star"'
    assert check(NEVER, (0.0, 0.02), (0.35, -0.14), red_star=(0.35, 0.0), blue_cube=(0.35, -0.095)) is None
    assert check(NEVER, (0.0, 0.03), (0.35, -0.11), red_star=(0.35, 0.09), blue_cube=(0.35, -0.065)) is None


def test_nor_through_a_row_of_blocks() -> None:
    row = {"blue_cube": (0.35, -0.115), "green_cube": (0.35, -0.06)}
    assert check(NEVER, (0.0, 0.03), (0.35, -0.16), red_star=(0.35, 0.0), **row) is not None
    del row["green_cube"]
    assert check(NEVER, (0.0, 0.03), (0.35, -0.16), red_star=(0.35, 0.0), **row) is None


def test_a_struck_block_slides_on() -> None:
    """It would stop short of the star if it only went as far as it is pushed."""
    places = {"red_star": (0.35, 0.0), "blue_cube": (0.35, -0.09)}
    assert check(NEVER, (0.0, 0.045), (0.35, -0.155), **places) is not None
    assert check(NEVER, (0.0, 0.02), (0.35, -0.135), **places) is None


def test_a_fast_pusher_strays_and_so_keeps_further_away() -> None:
    beside, star = 0.35 - 0.0445, {"red_star": (0.35, 0.0)}
    assert check(NEVER, (0.0, 0.015), (beside, -0.01), **star) is None
    assert check(NEVER, (0.0, 0.045), (beside, -0.03), **star) is not None
    gate, slow = RuleGate(BoardRules((NEVER,))), np.array([0.0, 0.015])
    assert gate.check(np.array([0.0, 0.045]), (beside, -0.12), *seen(**star)) is None
    assert gate.check(slow, (beside, -0.075), *seen(**star)) is None
    assert gate.check(np.array([0.0, 0.03]), (beside, -0.055), *seen(**star)) is None
    assert gate.check(slow, (beside, -0.01), *seen(**star)) is not None, "it comes here at 0.45 m a second"
    assert gate.check(slow, (beside, 0.005), *seen(**star)) is None, "it has passed"


def test_a_hidden_block_is_where_it_was_seen_last() -> None:
    gate, action = RuleGate(BoardRules((NEVER,))), np.array([0.0, 0.04], np.float32)
    assert gate.check(action, (0.35, -0.06), *seen()) is None
    assert gate.check(action, (0.2, -0.06), *seen(red_star=(0.35, 0.0))) is None
    assert gate.check(action, (0.35, -0.06), *seen()) is not None
    hidden = seen(red_star=(np.nan, np.nan))
    assert gate.check(action, (0.35, -0.06), *hidden) is not None


def test_the_set_point_may_leave_an_area_but_not_enter_or_cross_it() -> None:
    reason = check(LEFT, (0.0, -0.02), (0.35, 0.01))
    assert reason == 'the pusher would enter the left side; a rule says "keep the left side clear"'
    assert check(LEFT, (0.0, -0.02), (0.35, 0.03)) is None
    assert check(LEFT, (0.0, -0.02), (0.35, -0.03)) is None
    assert check(LEFT, (0.0, 0.04), (0.35, -0.03)) is None
    corner = KeepClear("top_left")
    assert check(corner, (0.03, -0.03), (0.33, 0.01)) is not None, "it cuts the corner"
    assert check(corner, (0.03, -0.03), (0.345, 0.02)) is None


def test_no_block_is_pushed_into_an_area() -> None:
    reason = check(LEFT, (0.0, -0.03), (0.35, 0.08), blue_cube=(0.35, 0.03))
    assert (
        reason == 'the blue cube could be pushed into the left side; a rule says "keep the left side clear"'
    )
    assert check(LEFT, (0.0, 0.03), (0.35, 0.01), blue_cube=(0.35, 0.06)) is None
    row = {"blue_cube": (0.35, 0.075), "green_cube": (0.35, 0.02)}
    reason = check(LEFT, (0.0, -0.02), (0.35, 0.12), **row)
    assert reason is not None and "green cube" in reason


def test_a_block_that_stood_in_an_area_may_go_about_in_it_until_it_has_left() -> None:
    gate, left = RuleGate(BoardRules((LEFT,))), np.array([0.0, -0.02], np.float32)
    assert gate.check(left, (0.35, -0.01), *seen(blue_cube=(0.35, -0.05))) is None
    assert gate.check(left, (0.35, -0.01), *seen(blue_cube=(0.35, 0.02))) is None, "not on its way"
    reason = gate.check(left, (0.35, 0.06), *seen(blue_cube=(0.35, 0.02)))
    assert reason is not None and "blue cube could be pushed into the left side" in reason
    reason = gate.check(left, (0.35, 0.04), *seen(blue_cube=(0.35, -0.005)))
    assert reason is not None and "enter" not in reason, "it has left, and is no guest any more"


def test_speed() -> None:
    limit = SpeedLimit(0.05)
    assert check(limit, (0.0, 0.005), (0.35, 0.0)) is None
    assert check(limit, (0.0, 0.006), (0.35, 0.0)) is not None
    gate = RuleGate(BoardRules((limit,)))
    slowed = gate.slowed(np.array([0.06, -0.08]))
    assert slowed == pytest.approx([0.003, -0.004]) and gate.check(slowed, (0.35, 0.0), *seen()) is None
    assert gate.slowed(np.zeros(2)) == pytest.approx([0.0, 0.0])
    assert RuleGate(BoardRules()).slowed(np.array([0.1, 0.1])) == pytest.approx([0.1, 0.1])
    assert check(NEVER, (0.0, 0.06), (0.35, 0.0)) is not None, "too fast to vouch for blocks"
    assert RuleGate(BoardRules((NEVER, SpeedLimit(0.9)))).speed == STEADY


def test_what_is_no_action_and_no_board() -> None:
    assert check(NEVER, (np.nan, 0.0), (0.35, 0.0)) is not None
    with pytest.raises(ValueError, match="at least 16 kinds"):
        RuleGate(BoardRules()).check(np.zeros(2), (0.35, 0.0), np.ones(4, bool), np.zeros((4, 2)))


class Hostile:
    """A pusher that aims at a block: straight, or from behind another one, at any speed and with some noise.
    Refused, it tries the same step in other directions."""

    def __init__(self, world: World, rng: np.random.Generator, gate: RuleGate | None) -> None:
        self.world, self.rng, self.gate = world, rng, gate
        self.refused = 0
        self.plan(sorted(world.names))

    def plan(self, names: list[str]) -> None:
        """Choose through which block to go, and how."""
        self.other, self.mode = str(self.rng.choice(names)), self.rng.random()
        self.speed = float(self.rng.choice([0.015, 0.03, 0.06, 0.1]))

    def aim(self, here: Vector, victim: Vector) -> Vector:
        if self.mode < 0.25:
            return victim
        other = np.array(self.world.poses()[self.other][:2])
        toward = (victim - other) / max(float(np.linalg.norm(victim - other)), 1e-9)
        behind = other - 0.055 * toward
        arrived = np.linalg.norm(here - behind) < 0.02 or (other - here) @ toward > 0.03
        return victim if arrived else np.asarray(behind)

    def tries(self, here: Vector, victim: Vector) -> Iterator[Vector]:
        gap = self.aim(here, victim) - here
        step = gap * self.speed / max(float(np.linalg.norm(gap)), 1e-9)
        step = step + self.rng.normal(0, 0.3 * self.speed, 2)
        low, high = np.array([board.EFFECTOR_X, board.EFFECTOR_Y]).T
        for turn in (0.0, 0.5, -0.5, 1.0, -1.0, 1.6, -1.6):
            cos, sin = np.cos(turn), np.sin(turn)
            turned = np.clip(np.array([[cos, -sin], [sin, cos]]) @ step, -0.1, 0.1)
            yield np.clip(here + turned, low, high) - here

    def act(self, victim: Vector) -> None:
        """One control step."""
        here = np.array(self.world.target)
        poses, lost = self.world.poses(), self.world.lost()
        places = {k: (p[0], p[1]) for k, p in poses.items() if k not in lost}
        present, where = seen(**places)
        where = where + self.rng.normal(0, 0.002, where.shape)
        for step in self.tries(here, victim):
            step = step if self.gate is None else self.gate.slowed(step).astype(float)
            if self.gate is None or self.gate.check(step, here, present, where) is None:
                self.world.step(here + step)
                return
            self.refused += 1
        self.world.step(here)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def attack_block(world: World, seed: int, guarded: bool, gap: float) -> tuple[float, int]:
    """How far a block that must stay was moved at most, metres, and how many steps were refused."""
    rng = np.random.default_rng(seed)
    world.clear()
    world.place(*random_layout(rng, gap=gap))
    world.step(world.target)
    victim = str(rng.choice(sorted(world.names)))
    home, far = np.array(world.poses()[victim][:2]), 0.0
    pusher = Hostile(world, rng, RuleGate(BoardRules((NeverMove((victim,)),))) if guarded else None)
    for step in range(120):
        if step % 25 == 0:
            pusher.plan(sorted(world.names))
        pusher.act(home)
        far = max(far, float(np.linalg.norm(np.array(world.poses()[victim][:2]) - home)))
    return far, pusher.refused


def test_a_hostile_pusher_does_not_move_a_block_that_must_stay(world: World) -> None:
    results = [attack_block(world, seed, True, 0.062 if seed % 3 else 0.047) for seed in range(18)]
    assert max(far for far, _ in results) < 0.002
    assert sum(refused for _, refused in results) > 500, "it must have tried"


def test_without_the_gate_it_does(world: World) -> None:
    assert all(attack_block(world, seed, False, 0.062)[0] > 0.02 for seed in range(3))


def attack_area(world: World, seed: int, guarded: bool) -> float:
    """How deep a block that was outside, or the set point, came into the left side, metres."""
    rng = np.random.default_rng(seed)
    blocks, (x, y) = random_layout(rng, low=(0.185, -0.1))
    begin = (x, max(y, 0.02))
    clear = {n: pose for n, pose in blocks.items() if np.hypot(pose[0] - begin[0], pose[1] - begin[1]) > 0.05}
    world.clear()
    world.place(clear, begin)
    world.step(world.target)
    outside = [name for name, pose in world.poses().items() if pose[1] > 0]
    pusher, deepest = Hostile(world, rng, RuleGate(BoardRules((LEFT,))) if guarded else None), -1.0
    for step in range(100):
        if step % 25 == 0:
            pusher.plan(outside)
        pusher.act(np.array([0.35, -0.2]))
        poses = world.poses()
        points = np.array([world.target, *(poses[name][:2] for name in outside)])
        deepest = max(deepest, float(depth("left", points).max()))
    return deepest


def test_a_hostile_pusher_brings_nothing_into_an_area(world: World) -> None:
    assert max(attack_area(world, seed, True) for seed in range(8)) < 0.006
    assert min(attack_area(world, seed, False) for seed in range(2)) > 0.05
