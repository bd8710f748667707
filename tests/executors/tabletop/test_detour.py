"""Ways round: a pusher that gets nowhere before a row is led behind its block, and no other one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from executors.tabletop.detour import Detour, DetourConfig
from executors.tabletop.deviation import Seen
from executors.tabletop.simulated import SimulatedRobot

ROW = [(0.23 + 0.05 * k, 0.0) for k in range(5)]
HERE, THERE = (0.33, 0.06), (0.33, -0.05)


def seen(*places: tuple[float, float]) -> Seen:
    """What is seen: blocks at `places`, the pusher last."""
    return np.ones(len(places), bool), np.array(places, np.float32)


def wanted(block: tuple[float, float] = (0.33, 0.05)) -> Seen:
    """The row with its middle block moved, the pusher on the other side."""
    return seen(*ROW[:2], block, *ROW[3:], THERE)


def still(at: tuple[float, float] = HERE) -> list[NDArray[np.float32]]:
    """The trail of a pusher that gets nowhere."""
    return [np.array(at, np.float32)] * 9


def act(trail: list[NDArray[np.float32]], at: tuple[float, float], last: Seen) -> NDArray[np.float32] | None:
    return Detour().action(trail, np.array(at), seen(*ROW, at), last, last)


def test_a_pusher_that_gets_nowhere_is_led_away_from_the_row() -> None:
    action = act(still(), HERE, wanted())
    assert action is not None and abs(action[0]) > 0.02 and action[1] > -0.01


def test_a_pusher_that_gets_nearer_is_left_to_the_policy() -> None:
    assert act([np.array((0.33, 0.1 - 0.005 * k), np.float32) for k in range(9)], HERE, wanted()) is None
    assert act(still()[:3], HERE, wanted()) is None


def test_a_pusher_behind_its_block_is_left_to_the_policy() -> None:
    assert act(still(), HERE, wanted((0.33, -0.05))) is None


@pytest.mark.parametrize("side", [1, -1])
def test_it_comes_round_a_real_row_and_touches_nothing(side: int) -> None:
    kinds = ("red_cube", "blue_star", "green_moon", "yellow_pentagon", "red_star")
    layout = {kind: (*xy, 0.3) for kind, xy in zip(kinds, ROW, strict=True)}
    robot = SimulatedRobot(seed=0, layout=(layout, (HERE[0], side * HERE[1])))
    robot.connect()
    before = robot.info["blocks"]
    last = seen(*ROW[:2], (0.33, side * 0.05), *ROW[3:], (THERE[0], side * THERE[1]))
    detour, trail = Detour(), still((HERE[0], side * HERE[1]))
    for _ in range(DetourConfig().longest):
        look = robot.get_observation()
        places = [tuple(xy) for xy in robot.info["blocks"].values()]
        now = seen(*places, tuple(look["effector_translation"]))
        action = detour.action(trail, np.asarray(look["effector_target_translation"]), now, last, last)
        if action is None:
            break
        robot.send_action(action)
    assert robot.get_observation()["effector_translation"][1] * side < -0.03
    after = robot.info["blocks"]
    assert max(np.linalg.norm(np.subtract(after[name], before[name])) for name in before) < 0.003
    robot.disconnect()


def test_where_no_way_leads_the_policy_goes_on() -> None:
    wall = [(0.13 + 0.04 * k, 0.0) for k in range(12)]
    last = seen(*wall[:5], (0.33, 0.05), *wall[6:], THERE)
    assert Detour().action(still(), np.array(HERE), seen(*wall, HERE), last, last) is None
