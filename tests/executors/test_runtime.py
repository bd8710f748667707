"""Following clips: with a scripted policy on true frames, and when things go wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from executors.policy import FramePolicy, SlotPolicy
from executors.robot import RobotError, SimulatedRobot
from executors.runtime import Runtime
from tasks.perception import PoseProbe, SlotEncoder

BUNDLED = Path(__file__).parents[2] / "vlp" / "bundled"
LAYOUT = ({"red_cube": (0.35, 0.0, 0.0), "blue_star": (0.25, 0.2, 0.0)}, (0.35, -0.06))


class Still:
    """A policy that stays where it is."""

    def actions(self, frame: NDArray[np.uint8], goal_frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.zeros((1, 2), np.float32)


class Wild:
    """A policy that asks for too much."""

    def actions(self, frame: NDArray[np.uint8], goal_frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.full((1, 2), 5.0, np.float32)


@pytest.fixture(scope="module")
def encoder() -> SlotEncoder:
    encoder: SlotEncoder = SlotEncoder.from_pretrained(BUNDLED / "perception").eval()
    return encoder


@pytest.fixture
def robot() -> SimulatedRobot:
    robot = SimulatedRobot(seed=0, layout=LAYOUT)
    robot.connect()
    return robot


def push_right(steps: int) -> NDArray[np.uint8]:
    """The true frames of a straight push to the right, one every six control steps."""
    robot, frames = SimulatedRobot(seed=0, layout=LAYOUT), []
    robot.connect()
    for step in range(steps):
        robot.send_action(np.array([0.0, 0.012], np.float32))
        if step % 6 == 5:
            frames.append(robot.get_observation()["rgb"])
    robot.disconnect()
    return np.stack(frames)


def test_the_bundled_policy_follows_a_straight_push(encoder: SlotEncoder, robot: SimulatedRobot) -> None:
    policy = FramePolicy(encoder, SlotPolicy.from_pretrained(BUNDLED / "policy"))
    before = robot.info["blocks"]["red_cube"]
    followed = Runtime(robot, policy, PoseProbe(encoder)).follow(push_right(12), lambda *_: False)
    after = robot.info["blocks"]["red_cube"]
    assert followed.steps > 0
    assert after[1] - before[1] > 0.03
    assert abs(robot.info["blocks"]["blue_star"][0] - 0.25) < 0.01


def test_a_frame_is_given_up_in_time(encoder: SlotEncoder, robot: SimulatedRobot) -> None:
    runtime = Runtime(robot, Still(), PoseProbe(encoder))
    followed = runtime.follow(push_right(12), lambda *_: False)
    assert followed.steps <= runtime.config.steps_a_frame * 2 + runtime.config.final_steps
    assert followed.distance > 0.03


def test_too_much_is_refused_and_nothing_moves(encoder: SlotEncoder, robot: SimulatedRobot) -> None:
    before = robot.get_observation()["effector_target_translation"]
    followed = Runtime(robot, Wild(), PoseProbe(encoder)).follow(push_right(12), lambda *_: False)
    assert followed.outcome == "refused" and followed.steps == 0
    assert (robot.get_observation()["effector_target_translation"] == before).all()


def test_the_watcher_stops_it(encoder: SlotEncoder, robot: SimulatedRobot) -> None:
    followed = Runtime(robot, Still(), PoseProbe(encoder)).follow(push_right(12), lambda *_: True)
    assert followed.outcome == "stopped" and followed.steps == 1


def test_what_is_wanted_ends_it(encoder: SlotEncoder, robot: SimulatedRobot) -> None:
    followed = Runtime(robot, Still(), PoseProbe(encoder)).follow(
        push_right(12), lambda *_: False, lambda *_: True
    )
    assert followed.outcome == "done" and followed.steps == 0


def test_a_robot_that_is_not_connected_says_so() -> None:
    robot = SimulatedRobot(seed=0)
    with pytest.raises(RobotError, match=r"call connect\(\) first"):
        robot.get_observation()
    robot.connect()
    assert robot.is_connected and robot.get_observation()["rgb"].shape == robot.observation_features["rgb"]
    assert robot.action_features == {"effector_delta": (2,)}
    robot.disconnect()
    assert not robot.is_connected
