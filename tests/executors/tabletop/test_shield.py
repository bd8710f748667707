"""The shield: what is to be pushed may be pushed, from the right side; everything else is gone round."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from executors.tabletop.deviation import Seen
from executors.tabletop.shield import Shield
from executors.tabletop.simulated import SimulatedRobot

BLOCK = (0.35, 0.0)


def board(*places: tuple[float, float]) -> Seen:
    """What is seen: blocks at `places`, the pusher last."""
    return np.ones(len(places), bool), np.array(places, np.float32)


def turn(
    action: tuple[float, float],
    pusher: tuple[float, float],
    to: tuple[float, float],
    *,
    stays: bool = False,
) -> NDArray[np.float32]:
    """What becomes of an action beside BLOCK, which is wanted at `to`."""
    return Shield().turn(
        np.array(action, np.float32), np.array(pusher), board(BLOCK, pusher), board(to, pusher),
        np.array([stays, False]),
    )  # fmt: skip


def test_a_push_the_way_that_is_wanted_is_left_as_it_is() -> None:
    assert turn((0.0, 0.02), (0.35, -0.05), (0.35, 0.1)) == pytest.approx((0.0, 0.02))


def test_a_block_is_not_pushed_from_the_wrong_side() -> None:
    turned = turn((0.0, 0.02), (0.352, -0.05), (0.35, -0.1))
    assert abs(turned[1]) < 0.02 and turned[0] > 0.001


def test_a_block_that_stays_is_not_pushed_wherever_the_clip_shows_it() -> None:
    assert not np.allclose(turn((0.0, 0.02), (0.35, -0.05), (0.35, 0.1), stays=True), (0.0, 0.02))


def test_from_a_touch_one_may_go_back_but_not_on() -> None:
    assert turn((0.0, -0.02), (0.35, -0.03), BLOCK) == pytest.approx((0.0, -0.02))
    assert np.linalg.norm(turn((0.0, 0.02), (0.35, -0.03), BLOCK)) < 1e-6


def test_at_the_edge_a_block_is_not_pushed_further_out() -> None:
    def pushed(block: tuple[float, float], action: tuple[float, float]) -> NDArray[np.float32]:
        pusher = (block[0] - 2.5 * action[0], block[1] - 2.5 * action[1])
        wanted = (block[0] + 3 * action[0], block[1] + 3 * action[1])
        seen = (board(block, pusher), board(wanted, pusher))
        return Shield().turn(np.array(action, np.float32), np.array(pusher), *seen, np.zeros(2, bool))

    assert pushed((0.35, 0.25), (0.01, 0.016)) == pytest.approx((0.01, 0.016))
    assert not np.allclose(pushed((0.35, 0.272), (0.01, 0.016)), (0.01, 0.016))
    assert pushed((0.35, 0.272), (0.01, -0.016)) == pytest.approx((0.01, -0.016))
    assert not np.allclose(pushed((0.18, 0.0), (-0.018, 0.0)), (-0.018, 0.0))


def test_a_step_that_is_far_from_every_block_is_left_as_it_is() -> None:
    assert turn((0.03, 0.0), (0.2, -0.2), BLOCK) == pytest.approx((0.03, 0.0))


@pytest.mark.parametrize("shielded", [True, False])
def test_the_pusher_goes_round_a_real_block(shielded: bool) -> None:
    robot = SimulatedRobot(seed=0, layout=({"red_cube": (*BLOCK, 0.3)}, (0.34, -0.1)))
    robot.connect()
    shield, there = Shield(0.042 if shielded else 0.0), np.array([0.35, 0.1])
    for _ in range(40):
        pusher = np.array(robot.get_observation()["effector_translation"])
        target = np.array(robot.get_observation()["effector_target_translation"])
        seen = board(tuple(robot.info["blocks"]["red_cube"]), tuple(pusher))
        way = there - target
        step = way * min(1.0, 0.02 / max(float(np.linalg.norm(way)), 1e-9))
        robot.send_action(shield.turn(step.astype(np.float32), target, seen, seen, np.zeros(2, bool)))
    moved = np.linalg.norm(np.array(robot.info["blocks"]["red_cube"]) - BLOCK)
    arrived = np.linalg.norm(np.array(robot.get_observation()["effector_translation"]) - there) < 0.01
    robot.disconnect()
    assert (moved < 0.004) == shielded
    assert arrived


def test_a_pusher_between_two_blocks_gets_out_again() -> None:
    pusher, seen = np.array([0.35, 0.037]), board(BLOCK, (0.362, 0.07), (0.35, 0.037))
    for _ in range(12):
        seen[1][-1] = pusher
        gap = np.array([0.45, 0.02]) - pusher
        action = gap * 0.02 / np.linalg.norm(gap)
        pusher = pusher + Shield().turn(action.astype(np.float32), pusher, seen, seen, np.zeros(3, bool))
    assert np.linalg.norm(pusher - [0.45, 0.02]) < 0.03


def test_between_two_blocks_it_is_not_the_one_at_the_edge_that_is_nudged() -> None:
    pusher, seen = np.array([0.28, 0.26]), board((0.35, 0.28), (0.35, 0.21), (0.28, 0.26))
    nearest = np.full(2, 1.0)
    for _ in range(12):
        seen[1][-1] = pusher
        gap = np.array([0.45, 0.26]) - pusher
        action = gap * 0.02 / np.linalg.norm(gap)
        pusher = pusher + Shield().turn(action.astype(np.float32), pusher, seen, seen, np.zeros(3, bool))
        nearest = np.minimum(nearest, np.linalg.norm(seen[1][:2] - pusher, axis=1))
    assert np.linalg.norm(pusher - [0.45, 0.26]) < 0.03
    assert nearest[0] > 0.042 > 0.035 > nearest[1]
