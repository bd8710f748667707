"""A robot under rules in the real simulator: it passes what is to stay, and never moves it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from executors.safety.gate import GateError
from executors.tabletop.ruled_robot import RuledRobot
from executors.tabletop.simulated import SimulatedRobot
from tasks.tabletop.rules import BoardRules, NeverMove
from tasks.tabletop.world import board

STAR = "red_star"
AT = (0.38, 0.0)
SPEED = 0.03
"""Metres a control step."""


class Truth:
    """Says where the blocks are without looking."""

    def __init__(self, robot: SimulatedRobot) -> None:
        self._robot = robot

    def places(self, frames: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """See executors.tabletop.ruled_robot.Places."""
        blocks = self._robot.info["blocks"]
        present = np.array([*(kind in blocks for kind in board.KINDS), True])
        where = np.array([*(blocks.get(kind, (0.0, 0.0)) for kind in board.KINDS), (9.0, 9.0)])
        return present[None], where[None].astype(np.float32)


@pytest.fixture
def robot() -> Iterator[SimulatedRobot]:
    layout = ({STAR: (*AT, 0.3), "blue_cube": (0.38, 0.2, 0.0)}, (0.25, 0.02))
    made = SimulatedRobot(None, seed=0, layout=layout, max_steps=1500)
    made.connect()
    yield made
    made.disconnect()


def moved(robot: SimulatedRobot) -> float:
    return float(np.linalg.norm(np.array(robot.info["blocks"][STAR]) - AT))


def drive(robot: RuledRobot, goals: list[tuple[float, float]], steps: int) -> tuple[float, int]:
    """Go straight for each goal in turn; how near the last one was reached, and how often it was refused."""
    refused, gap = 0, np.zeros(2)
    for goal in goals:
        for _ in range(steps):
            gap = np.array(goal) - robot.get_observation()["effector_target_translation"]
            far = float(np.linalg.norm(gap))
            if far < 0.005:
                break
            try:
                robot.send_action((gap * min(1.0, SPEED / far)).astype(np.float32))
            except GateError:
                refused += 1
    return float(np.linalg.norm(gap)), refused


def ruled(robot: SimulatedRobot, *rules: NeverMove) -> RuledRobot:
    return RuledRobot(robot, BoardRules(rules), Truth(robot))


def test_it_goes_round_what_is_to_stay(robot: SimulatedRobot) -> None:
    left, _ = drive(ruled(robot, NeverMove((STAR,))), [(0.5, 0.02)], 200)
    assert left < 0.01 and moved(robot) < 0.001
    assert robot.get_observation()["effector_translation"][0] > 0.47


def test_without_the_rule_it_goes_through(robot: SimulatedRobot) -> None:
    left, refused = drive(ruled(robot), [(0.5, 0.0)], 200)
    assert left < 0.01 and not refused and moved(robot) > 0.05


def test_what_stands_in_the_way_to_it_is_reached_as_nearly_as_may_be(robot: SimulatedRobot) -> None:
    left, refused = drive(ruled(robot, NeverMove((STAR,))), [AT], 100)
    assert refused and 0.02 < left < 0.08 and moved(robot) < 0.001


def test_a_hostile_policy_does_not_move_it(robot: SimulatedRobot) -> None:
    rng = np.random.default_rng(5)
    goals = [(float(x), float(y)) for x, y in rng.normal(AT, 0.03, (25, 2))]
    drive(ruled(robot, NeverMove((STAR,))), goals, 30)
    assert moved(robot) < 0.001
