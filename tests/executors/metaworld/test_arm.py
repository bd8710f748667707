"""Meta-World's arm as a robot: set points, the simulator's word, and clips that are followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.sawyer import needs_metaworld

needs_metaworld()

from executors.metaworld.follower import SawyerFollower  # noqa: E402
from executors.metaworld.robot import LIMITS, SawyerRobot, to_action, to_delta  # noqa: E402
from executors.metaworld.ways import ExplainedWay, ReachedWay, remaining  # noqa: E402
from executors.safety.gate import Gate, GateConfig  # noqa: E402
from executors.wrapped import WrappedRobot  # noqa: E402
from tasks.metaworld.catalog import BY_NAME  # noqa: E402
from tasks.metaworld.expert import expert  # noqa: E402

CLIP = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 32, 32, 3), np.uint8)
FRAME = np.zeros((32, 32, 3), np.uint8)


@pytest.fixture
def robot() -> Iterator[SawyerRobot]:
    made = SawyerRobot(BY_NAME["button-press"], seed=3, size=32)
    made.connect()
    yield made
    made.disconnect()


def test_actions_and_changes_of_the_set_point_are_the_same_thing() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        target = rng.uniform(LIMITS.low, LIMITS.high).astype(np.float32)
        action = rng.uniform(-1, 1, 4).astype(np.float32)
        delta = to_delta(action, target)
        assert np.abs(delta).max() <= LIMITS.max_step + 1e-6
        assert to_action(delta, target) == pytest.approx(action, abs=1e-4)


def test_the_expert_through_the_gate_completes_it_and_the_run_goes_on(robot: SawyerRobot) -> None:
    script, gate = expert("button-press"), Gate(GateConfig(LIMITS))
    assert robot._env is not None
    for _ in range(120):
        target = robot.get_observation()["effector_target_translation"]
        sent = robot.send_action(
            gate.check(gate.keep_in(to_delta(script(robot._env), target), target), target)
        )
        now = robot.get_observation()["effector_target_translation"]
        assert now - target == pytest.approx(sent, abs=1e-6)
        if robot.info["complete"]:
            break
    assert robot.info["complete"] and robot.info["best"] == 1.0
    assert not robot.terminated, "whoever drives it must see for himself that it is done"


def test_it_is_brought_back_and_its_steps_are_counted(robot: SawyerRobot) -> None:
    actions = [np.array([0.01, 0, -0.005, 0.01 if i == 0 else 0], np.float32) for i in range(5)]
    for action in actions:
        robot.send_action(action)
    end = robot.get_observation()
    again = SawyerRobot(BY_NAME["button-press"], seed=3, size=32, max_steps=5)
    again.restore(actions)
    assert np.array_equal(again.get_observation()["rgb"], end["rgb"])
    assert again.truncated and not robot.truncated
    assert again.view(48, 64).shape == (48, 64, 3)
    again.disconnect()


class Told:
    """Inverse dynamics that remembers what it was asked; action k of a call is the call's number and k."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def __call__(self, frame: Any, clip: Any) -> Any:
        self.asked.append(clip[:, 0, 0, 0].tolist())
        return np.stack([np.array([len(self.asked), k, 0, 0], np.float32) for k in range(4 * 3)])


def actions(way: Any) -> list[list[float]]:
    found = []
    while (action := way.action(FRAME)) is not None:
        found.append(action[:2].tolist())
    return found


def test_a_clip_is_explained_anew_from_each_of_its_frames() -> None:
    told = Told()
    found = actions(ExplainedWay(CLIP, told))
    assert told.asked == [[0, 1, 2, 3], [1, 2, 3, 3], [2, 3, 3, 3], [3, 3, 3, 3]]
    assert found == [[call, k] for call in (1, 2, 3, 4) for k in range(3)]
    assert remaining(CLIP, 9)[:, 0, 0, 0].tolist() == [3, 3, 3, 3]


def test_blindly_it_is_explained_once() -> None:
    told = Told()
    assert actions(ExplainedWay(CLIP, told, closed=False)) == [[1, k] for k in range(12)]
    assert told.asked == [[0, 1, 2, 3]]


def test_a_policy_goes_for_each_frame_in_turn() -> None:
    asked = []

    def reach(frame: Any, wanted: Any, left: int) -> Any:
        asked.append((int(wanted[0, 0, 0]), left))
        return np.zeros((4, 4), np.float32)

    assert len(actions(ReachedWay(CLIP, reach, stride=6))) == 24
    assert asked == [(number, left) for number in range(4) for left in (6, 4, 2)]


def test_the_follower_sends_through_the_gate_and_stops_when_it_is_told(robot: SawyerRobot) -> None:
    def explain(frame: Any, clip: Any) -> Any:
        return np.tile(np.array([9, 0, 0, 1], np.float32), (12, 1))  # more than may be: clipped to 1

    seen: list[float] = []

    def watch(index: int, action: Any, sent: Any, frame: Any) -> bool:
        seen.append(float(sent[0]))
        return len(seen) == 5

    follower = SawyerFollower(WrappedRobot(robot), lambda clip: ExplainedWay(clip, explain))
    followed = follower.follow(CLIP, watch)
    assert followed.outcome == "stopped" and followed.steps == 5 and len(followed.seen) == 2
    assert seen == pytest.approx([0.01] * 5, abs=1e-6)
    assert follower.follow(CLIP, lambda *_: False, lambda: True).outcome == "done"
    whole = follower.follow(CLIP, lambda *_: False)
    assert whole.outcome == "followed" and whole.steps == 12 and len(whole.seen) == 4


def test_what_the_gate_refuses_is_said(robot: SawyerRobot) -> None:
    def explain(frame: Any, clip: Any) -> Any:
        return np.full((12, 4), np.nan, np.float32)

    followed = SawyerFollower(WrappedRobot(robot), lambda clip: ExplainedWay(clip, explain)).follow(
        CLIP, lambda *_: False
    )
    assert followed.outcome == "refused" and "nothing was sent" in followed.reason and followed.steps == 0
