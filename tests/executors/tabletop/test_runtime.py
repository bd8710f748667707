"""Following clips: with a scripted policy on true frames, and when things go wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from executors.safety.faults import RobotError
from executors.tabletop.deviation import left_alone, pushed_aside, pushed_to_edge, went_astray
from executors.tabletop.inverse_dynamics import InverseDynamics
from executors.tabletop.last_frame import LastFrameRuntime
from executors.tabletop.policy import FramePolicy, SlotPolicy, keep
from executors.tabletop.runtime import Runtime
from executors.tabletop.simulated import SimulatedRobot
from tasks.tabletop.seeing.encoder import PoseProbe, SlotEncoder

BUNDLED = Path(__file__).parents[3] / "vlp" / "bundled"
LAYOUT = ({"red_cube": (0.35, 0.0, 0.0), "blue_star": (0.25, 0.2, 0.0)}, (0.35, -0.06))


class Still:
    """A policy that stays where it is."""

    def actions(
        self, frame: NDArray[np.uint8], goal_frame: NDArray[np.uint8], stays: object = None
    ) -> NDArray[np.float32]:
        return np.zeros((1, 2), np.float32)


class Wild:
    """A policy that asks for too much."""

    def actions(
        self, frame: NDArray[np.uint8], goal_frame: NDArray[np.uint8], stays: object = None
    ) -> NDArray[np.float32]:
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


def test_the_first_frame_that_is_not_as_imagined_is_told(encoder: SlotEncoder, robot: SimulatedRobot) -> None:
    """The block of the clip goes ever further right, the real one stays."""
    clip = push_right(18)
    followed = Runtime(robot, Still(), PoseProbe(encoder)).follow(clip, lambda *_: False)
    assert followed.moves == "a block", "as events say it"
    assert followed.diverged is not None and 1 <= followed.diverged <= len(followed.off)
    assert followed.off[followed.diverged - 1] > 0.02
    assert all(far <= 0.02 for far in followed.off[: followed.diverged - 1])
    policy = FramePolicy(encoder, SlotPolicy.from_pretrained(BUNDLED / "policy"))
    assert Runtime(robot, policy, PoseProbe(encoder)).follow(clip[:1], lambda *_: False).diverged is None


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


class Noting(Still):
    """A policy that stays where it is and keeps the frames that it is given to reach."""

    def __init__(self) -> None:
        self.goals: list[NDArray[np.uint8]] = []

    def actions(
        self, frame: NDArray[np.uint8], goal_frame: NDArray[np.uint8], stays: object = None
    ) -> NDArray[np.float32]:
        self.goals.append(goal_frame)
        return super().actions(frame, goal_frame)


def test_on_the_last_frame_alone_there_are_as_many_steps_as_on_every_frame(
    encoder: SlotEncoder, robot: SimulatedRobot
) -> None:
    policy, clip = Noting(), push_right(18)
    runtime = LastFrameRuntime(robot, policy, PoseProbe(encoder))
    followed = runtime.follow(clip, lambda *_: False)
    # The block is further off than a clip that is followed frame by frame may be, and nothing is wrong.
    assert followed.outcome == "followed" and followed.distance > runtime.config.lost_distance
    assert followed.steps == 2 * runtime.config.steps_a_frame + runtime.config.final_steps
    assert all(np.array_equal(goal, clip[-1]) for goal in policy.goals)


def test_the_bundled_policy_goes_for_a_last_frame(encoder: SlotEncoder, robot: SimulatedRobot) -> None:
    policy = FramePolicy(encoder, SlotPolicy.from_pretrained(BUNDLED / "policy"))
    before = robot.info["blocks"]["red_cube"]
    LastFrameRuntime(robot, policy, PoseProbe(encoder)).follow(push_right(12), lambda *_: False)
    assert robot.info["blocks"]["red_cube"][1] - before[1] > 0.03


def test_inverse_dynamics_repeats_the_pushers_motion(encoder: SlotEncoder, robot: SimulatedRobot) -> None:
    runtime, clip = InverseDynamics(robot, PoseProbe(encoder), stride=6), push_right(12)
    actions = runtime.actions(robot.get_observation()["rgb"], clip)
    assert actions.shape == (12, 2)
    assert (actions[:6] == actions[0]).all() and (actions[6:] == actions[6]).all()
    # 0.144 m to the right were asked of the pusher, which lags a little behind its set point.
    assert np.abs(actions.sum(0) - [0, 0.144]).max() < 0.02
    before = robot.info["blocks"]["red_cube"]
    indices: list[int] = []

    def note(index: int, *_: object) -> bool:
        indices.append(index)
        return False

    followed = runtime.follow(clip, note)
    assert followed.outcome == "followed" and followed.steps == 12 and followed.seen.shape == clip.shape
    assert indices == [0] * 6 + [1] * 6
    assert robot.info["blocks"]["red_cube"][1] - before[1] > 0.03
    assert followed.distance < 0.04


class Told:
    """Sees the pusher where it is told, a place a frame; no blocks."""

    def __init__(self, *pusher: tuple[bool, float, float]) -> None:
        self._pusher = pusher

    def places(self, frames: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        told = np.array(self._pusher[: len(frames)], np.float32)
        return told[:, None, 0] > 0.5, told[:, None, 1:]


def test_a_pusher_that_is_not_imagined_is_taken_to_stay(robot: SimulatedRobot) -> None:
    told = Told((True, 0.3, 0.0), (True, 0.3, 0.06), (False, 9.0, 9.0), (True, 0.36, 0.06))
    actions = InverseDynamics(robot, told, stride=3).actions(push_right(6)[0], push_right(18))
    expected = np.repeat(np.array([[0, 0.02], [0, 0], [0.02, 0]]), 3, axis=0)
    assert np.abs(actions - expected).max() < 1e-6


def test_inverse_dynamics_goes_through_the_gate_and_ends_when_told(robot: SimulatedRobot) -> None:
    before = robot.get_observation()["effector_target_translation"]
    wild = InverseDynamics(robot, Told((True, 0.3, 0.0), (True, 9.0, 0.0)), stride=6)
    followed = wild.follow(push_right(6), lambda *_: False)
    assert followed.outcome == "refused" and followed.steps == 0 and "expected a step" in followed.reason
    assert (robot.get_observation()["effector_target_translation"] == before).all()
    calm = InverseDynamics(robot, Told((True, 0.3, 0.0), (True, 0.3, 0.06)), stride=6)
    done = calm.follow(push_right(6), lambda *_: False, lambda *_: True)
    assert done.outcome == "done" and done.steps == 0 and len(done.seen) == 1
    stopped = calm.follow(push_right(6), lambda *_: True)
    assert stopped.outcome == "stopped" and stopped.steps == 1


def test_a_robot_that_is_not_connected_says_so() -> None:
    robot = SimulatedRobot(seed=0)
    with pytest.raises(RobotError, match=r"call connect\(\) first"):
        robot.get_observation()
    robot.connect()
    assert robot.is_connected and robot.get_observation()["rgb"].shape == robot.observation_features["rgb"]
    assert robot.action_features == {"effector_delta": (2,)}
    robot.disconnect()
    assert not robot.is_connected


class Asked(Still):
    """A policy that stays where it is and keeps what it was told not to move."""

    def __init__(self) -> None:
        self.stays: list[NDArray[np.bool_]] = []

    def actions(
        self, frame: NDArray[np.uint8], goal_frame: NDArray[np.uint8], stays: object = None
    ) -> NDArray[np.float32]:
        self.stays.append(np.asarray(stays))
        return super().actions(frame, goal_frame)


def test_the_policy_is_told_what_the_clip_leaves_alone(encoder: SlotEncoder, robot: SimulatedRobot) -> None:
    policy, probe = Asked(), PoseProbe(encoder)
    Runtime(robot, policy, probe).follow(push_right(12), lambda *_: False)
    assert all((stays == policy.stays[0]).all() for stays in policy.stays)
    named = {name for name, still in zip(probe.names, policy.stays[0], strict=False) if still}
    assert named == {"blue_star"} and not policy.stays[0][-1]


def test_what_stays_is_wanted_where_it_is_seen() -> None:
    now, wanted = np.zeros((17, 5), np.float32), np.ones((17, 5), np.float32)
    now[:3, 0] = 1
    stays = np.zeros(17, bool)
    stays[1:5] = True
    kept = keep(now, wanted, stays)
    assert (kept[1:3] == now[1:3]).all()
    assert (kept[[0, *range(3, 17)]] == 1).all()  # not named, or named and not seen


def test_small_errors_of_a_clip_are_not_taken_for_a_wish() -> None:
    begun = np.ones(4, bool), np.zeros((4, 2), np.float32)
    present, where = np.ones((3, 4), bool), np.zeros((3, 4, 2), np.float32)
    where[:, 0] = 0.008
    where[1, 1] = 0.05
    where[1, 2], present[1, 2] = 0.05, False
    assert left_alone(begun, (present, where), 0.0125).tolist() == [True, False, True, False]
    gone = np.zeros((4, 2), np.float32)
    gone[1] = 0.5
    assert not pushed_aside(begun, (begun[0], gone), np.array([True, False, True, False]), 0.025)
    gone[2] = 0.03
    assert pushed_aside(begun, (begun[0], gone), np.array([True, False, True, False]), 0.025)


def test_a_block_may_lag_on_its_way_but_not_leave_it() -> None:
    begun = np.ones(3, bool), np.zeros((3, 2), np.float32)
    present, where = np.ones((2, 3), bool), np.zeros((2, 3, 2), np.float32)
    where[:, 0] = [(0.0, 0.1), (0.1, 0.1)]  # up, then to the side
    clip, stays = (present, where), np.array([False, True, False])

    def astray(x: float, y: float) -> bool:
        seen = np.zeros((3, 2), np.float32)
        seen[0] = (x, y)
        return went_astray(begun, (begun[0], seen), clip, stays, 0.035)

    assert not astray(0.0, 0.0) and not astray(0.02, 0.06) and not astray(0.1, 0.12)
    assert astray(0.0, -0.05) and astray(0.05, 0.05) and astray(0.15, 0.1)


def _one_block(y: float) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    return np.ones(2, bool), np.array([(0.35, y), (0.35, 0.0)], np.float32)


def test_a_block_on_its_way_off_the_board_is_noticed() -> None:
    begun, end = _one_block(0.24), _one_block(0.2)
    assert not pushed_to_edge(begun, _one_block(0.262), end, 0.008)  # from there it can be pushed any way
    assert pushed_to_edge(begun, _one_block(0.28), end, 0.008)
    assert not pushed_to_edge(_one_block(0.28), _one_block(0.281), end, 0.008)  # it was there before
    assert not pushed_to_edge(begun, _one_block(0.28), _one_block(0.279), 0.008)  # it is to come there
