"""The safe robot: what may not be sent is not, whoever wants it; beside each fault, the same without it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from executors.robot import Observation
from executors.safety.camera_watch import CameraWatch
from executors.safety.faults import (
    CameraError,
    HoldError,
    LeaseError,
    RobotError,
    RobotLostError,
    StoppedError,
)
from executors.safety.gate import Gate, GateConfig, GateError
from executors.safety.lease import LeaseStore
from executors.safety.safe_robot import SafeRobot
from executors.safety.stop import StopLatch
from executors.safety.watchdog import CommandTimeout
from executors.tabletop.simulated import SimulatedRobot
from tasks.tabletop.world import limits
from tests.executors.safety.hostile import LIMITS, Recorder, harm, policy, somewhere

GATE = Gate(GateConfig(limits.LIMITS))

STEP = np.array([0.01, 0.02], np.float32)


class Clock:
    """Tells the time it is set to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def latch(tmp_path: Path) -> StopLatch:
    return StopLatch(tmp_path / "latch")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_of_ten_thousand_hostile_actions_none_that_breaks_a_limit_arrives(
    latch: StopLatch, recorder: Recorder
) -> None:
    robot, rng, refused = SafeRobot(recorder, latch=latch, gate=Gate(LIMITS)), np.random.default_rng(1), 0
    for number, action in enumerate(policy(10_000, seed=0)):
        if number % 50 == 0:
            recorder.place = somewhere(rng)
            robot.get_observation()
        before = len(recorder.got)
        try:
            robot.send_action(action)
        except GateError as error:
            refused += 1
            assert len(recorder.got) == before
            assert "nothing was sent" in str(error) and "\n" not in str(error)
        else:
            assert len(recorder.got) == before + 1
    assert [found for call in recorder.got if (found := harm(*call))] == []
    assert refused > 4000 and len(recorder.got) == robot.sent == 10_000 - refused > 2000
    assert robot.fault is None


def test_without_the_gate_the_same_policy_does_harm_of_every_kind(recorder: Recorder) -> None:
    rng = np.random.default_rng(1)
    for number, action in enumerate(policy(10_000, seed=0)):
        if number % 50 == 0:
            recorder.place = somewhere(rng)
        recorder.send_action(action)
    found = [kind for call in recorder.got if (kind := harm(*call))]
    assert len(found) > 4000
    assert set(found) == {"form", "finite", "step", "speed", "workspace", "keep out"}


def test_a_stop_holds_and_rearming_lets_go_on(latch: StopLatch, recorder: Recorder) -> None:
    robot = SafeRobot(recorder, latch=latch, gate=GATE)
    robot.send_action(STEP)
    robot.stop("smoke")
    with pytest.raises(StoppedError, match="smoke"):
        robot.send_action(STEP)
    robot.get_observation()  # looking is allowed, and mends nothing
    assert len(recorder.got) == 1 and "smoke" in str(robot.fault)
    latch.rearm()
    assert robot.fault is None and np.array_equal(robot.send_action(STEP), STEP)


@pytest.mark.parametrize("taken", [True, False])
def test_a_stale_holder_is_shut_out(
    tmp_path: Path, latch: StopLatch, recorder: Recorder, taken: bool
) -> None:
    store, clock = LeaseStore(tmp_path), Clock()
    old = SafeRobot(recorder, latch=latch, lease=store.acquire("ann", 30, clock=clock), gate=GATE)
    old.send_action(STEP)
    if not taken:
        old.send_action(STEP)
        assert old.fault is None
        return
    later = Clock()
    later.now = 31.0
    new = SafeRobot(recorder, latch=latch, lease=store.acquire("bob", 30, clock=later), gate=GATE)
    with pytest.raises(LeaseError, match="lease 2 of bob"):
        old.send_action(STEP)
    assert len(recorder.got) == 1 and "bob" in str(old.fault)
    new.send_action(STEP)
    assert len(recorder.got) == 2 and new.fault is None


class Blindable(Recorder):
    """A robot whose camera can be covered."""

    covered = False

    def get_observation(self) -> Observation:
        observation = super().get_observation()
        return {**observation, "rgb": observation["rgb"] * 0} if self.covered else observation


@pytest.mark.parametrize("covered", [True, False])
def test_a_blind_robot_does_not_move_until_something_good_was_seen(latch: StopLatch, covered: bool) -> None:
    inner = Blindable()
    robot = SafeRobot(inner, latch=latch, camera=CameraWatch(), gate=GATE)
    robot.get_observation()
    robot.send_action(STEP)
    inner.covered = covered
    if not covered:
        robot.get_observation()
        robot.send_action(STEP)
        assert robot.fault is None and len(inner.got) == 2
        return
    with pytest.raises(CameraError, match="nothing but"):  # found out by itself: what was seen is of before
        robot.send_action(STEP)
    inner.covered = False
    with pytest.raises(CameraError, match="get an observation"):
        robot.send_action(STEP)
    assert len(inner.got) == 1 and "nothing but" in str(robot.fault)
    robot.get_observation()
    robot.send_action(STEP)
    assert len(inner.got) == 2 and robot.fault is None


@pytest.mark.parametrize(
    "error", [ConnectionError("gone"), TimeoutError(), OSError("cable"), RobotError("off")]
)
def test_a_robot_that_is_lost_says_so(latch: StopLatch, recorder: Recorder, error: Exception) -> None:
    robot = SafeRobot(recorder, latch=latch, gate=GATE)
    recorder.error = error
    with pytest.raises(RobotLostError, match=f"got {type(error).__name__}"):
        robot.send_action(STEP)
    robot.get_observation()
    assert type(error).__name__ in str(robot.fault)
    recorder.error = None
    robot.send_action(STEP)
    assert robot.fault is None


def test_a_mistake_in_the_driver_is_no_fault(latch: StopLatch, recorder: Recorder) -> None:
    recorder.error = ZeroDivisionError()
    robot = SafeRobot(recorder, latch=latch, gate=GATE)
    with pytest.raises(ZeroDivisionError):
        robot.send_action(STEP)
    assert robot.fault is None


def test_a_connection_that_fails_is_a_fault_until_it_does_not(latch: StopLatch) -> None:
    class Unplugged(Recorder):
        plugged = False

        def connect(self) -> None:
            if not self.plugged:
                raise ConnectionError("no cable")

    inner = Unplugged()
    robot = SafeRobot(inner, latch=latch, gate=GATE)
    with pytest.raises(RobotLostError, match="no cable"):
        robot.connect()
    assert "no cable" in str(robot.fault)
    inner.plugged = True
    robot.connect()
    assert robot.fault is None


@pytest.mark.parametrize("target", [None, [0.3], [np.nan, 0.0], "here"])
def test_a_robot_that_does_not_say_where_it_is_does_not_move(latch: StopLatch, target: Any) -> None:
    class Lost(Recorder):
        def get_observation(self) -> Observation:
            return {**super().get_observation(), "effector_target_translation": target}

    inner = Lost()
    with pytest.raises(RobotLostError, match="expected effector_target_translation"):
        SafeRobot(inner, latch=latch, camera=CameraWatch(), gate=GATE).send_action(STEP)
    assert inner.got == []


def test_the_set_point_is_read_anew_after_each_action(latch: StopLatch, recorder: Recorder) -> None:
    robot = SafeRobot(recorder, latch=latch, gate=GATE)
    recorder.place = np.array([0.55, 0.0])
    robot.send_action(np.array([0.045, 0.0], np.float32))
    with pytest.raises(GateError, match="set point"):  # from where the first began it would be lawful, too
        robot.send_action(np.array([0.045, 0.0], np.float32))
    assert len(recorder.got) == 1


def test_a_caller_cannot_change_what_the_gate_has_seen(latch: StopLatch) -> None:
    inner = SimulatedRobot(seed=0)
    robot = SafeRobot(inner, latch=latch, gate=GATE)
    robot.connect()
    real = inner.get_observation()["effector_target_translation"].copy()
    robot.get_observation()["effector_target_translation"][:] = (0.15, 0.3)
    assert np.array_equal(inner.get_observation()["effector_target_translation"], real)
    robot.send_action(np.zeros(2, np.float32))
    assert np.array_equal(inner.get_observation()["effector_target_translation"], real)
    robot.disconnect()


def test_it_shows_what_the_robot_shows(latch: StopLatch, recorder: Recorder) -> None:
    plain = SafeRobot(recorder, latch=latch, gate=GATE)
    assert (plain.info, plain.terminated, plain.truncated) == ({}, False, False)
    inner = SimulatedRobot(seed=0, max_steps=1)
    robot = SafeRobot(inner, latch=latch, gate=GATE)
    assert not robot.is_connected
    robot.connect()
    assert robot.is_connected and robot.info["blocks"] == inner.info["blocks"] and not robot.truncated
    assert robot.observation_features == inner.observation_features
    assert robot.action_features == inner.action_features
    robot.send_action(np.zeros(2, np.float32))
    assert robot.truncated and not robot.terminated
    robot.disconnect()
    assert not robot.is_connected


def state(robot: SimulatedRobot) -> tuple[bytes, ...]:
    """All that can be seen of a board."""
    observation = robot.get_observation()
    places = [xy for _, xy in sorted(robot.info["blocks"].items())]
    picture = robot.env.render()
    assert picture is not None
    arrays = (observation["rgb"], picture, np.array(places), observation["effector_translation"])
    return tuple(a.tobytes() for a in (*arrays, observation["effector_target_translation"]))


def target(robot: SimulatedRobot) -> NDArray[np.float64]:
    """The set point [2], metres."""
    return np.asarray(robot.get_observation()["effector_target_translation"], np.float64)


def test_refusals_leave_the_real_board_as_it_was_bit_for_bit(tmp_path: Path, latch: StopLatch) -> None:
    inner, twin, clock = SimulatedRobot(seed=3), SimulatedRobot(seed=3), Clock()
    lease = LeaseStore(tmp_path).acquire("ann", 30, clock=clock)
    robot = SafeRobot(inner, latch=latch, gate=Gate(LIMITS), lease=lease, camera=CameraWatch())
    robot.connect()
    twin.connect()

    def refused(kind: type[GateError], action: Any = STEP) -> None:
        before = state(inner)
        with pytest.raises(kind):
            robot.send_action(action)
        assert state(inner) == before

    lawful = []
    for number in range(10):
        for action in policy(16, seed=number):
            before, start = state(inner), target(inner)
            try:
                robot.send_action(action)
            except GateError:
                assert state(inner) == before
            else:
                lawful.append(Gate(LIMITS).check(action, start))
                twin.send_action(lawful[-1])
        robot.stop("test")
        refused(StoppedError)
        latch.rearm()
        clock.now += 31
        refused(LeaseError)
        clock.now -= 31
    assert len(lawful) > 20 and state(inner) == state(twin)
    before = state(inner)
    ways = np.array([[0.03, 0], [-0.03, 0], [0, 0.03], [0, -0.03]], np.float32)
    robot.send_action(next(way for way in ways if harm(target(inner), way) is None))
    assert state(inner) != before  # and what is sent does show
    robot.disconnect()
    twin.disconnect()


class Sleeping(Clock):
    """Goes on by what is slept."""

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_on_a_real_robot_limits_a_step_are_limits_a_second(latch: StopLatch, recorder: Recorder) -> None:
    clock, times = Sleeping(), []
    robot = SafeRobot(recorder, latch=latch, period=0.1, clock=clock, sleep=clock.sleep, gate=GATE)
    for pause in (0.0, 0.0, 0.0, 0.25, 0.0):
        clock.now += pause
        robot.send_action(STEP)
        times.append(clock.now)
    assert np.diff(times) == pytest.approx([0.1, 0.1, 0.25, 0.1])
    hasty = SafeRobot(
        recorder, latch=latch, clock=clock, sleep=clock.sleep, gate=GATE
    )  # a simulated one: its own time
    before = clock.now
    for _ in range(5):
        hasty.send_action(STEP)
    assert clock.now == before


def test_a_stop_that_comes_while_a_step_waits_for_its_turn_holds_it(
    latch: StopLatch, recorder: Recorder
) -> None:
    clock = Sleeping()

    def stopping(seconds: float) -> None:
        clock.sleep(seconds)
        threading.Thread(target=latch.stop, args=("smoke",)).start()
        while latch.stopped is None:
            pass

    robot = SafeRobot(recorder, latch=latch, period=0.1, clock=clock, sleep=stopping, gate=GATE)
    robot.send_action(STEP)
    with pytest.raises(StoppedError, match="smoke"):
        robot.send_action(STEP)
    assert len(recorder.got) == 1


@pytest.mark.parametrize(("period", "held"), [(0.1, True), (None, False)])
def test_a_camera_that_was_lost_since_the_last_look_holds(
    latch: StopLatch, period: float | None, held: bool
) -> None:
    class Blinking(SimulatedRobot):
        lost = False

        def get_observation(self) -> Observation:
            if self.lost:
                raise RobotError("no picture")
            return super().get_observation()

    clock, inner = Sleeping(), Blinking(None, seed=3)
    robot = SafeRobot(
        inner,
        latch=latch,
        camera=CameraWatch(),
        period=period,
        clock=clock,
        sleep=clock.sleep,
        gate=GATE,
    )
    robot.connect()
    robot.get_observation()
    inner.lost = True
    clock.now += 0.15
    robot.send_action(STEP)  # what was seen is young enough
    inner.lost = False
    robot.get_observation()
    inner.lost = True
    clock.now += 0.25
    if held:
        with pytest.raises(HoldError):
            robot.send_action(STEP)
    else:
        robot.send_action(STEP)  # the world of a simulated one waits, too


def test_a_silent_program_is_held_once(latch: StopLatch, recorder: Recorder) -> None:
    clock = Clock()
    robot = SafeRobot(recorder, latch=latch, gate=GATE)
    watchdog = CommandTimeout(robot, 0.5, clock=clock)
    robot.send_action(STEP)
    clock.now = 0.4
    assert not watchdog.tick()  # it has seen that action now
    clock.now = 0.8
    assert not watchdog.tick()
    clock.now = 0.9
    assert watchdog.tick() and recorder.got[-1][1].tolist() == [0.0, 0.0]
    clock.now = 9.0
    assert not watchdog.tick() and len(recorder.got) == 2
    robot.send_action(STEP)
    assert not watchdog.tick()
    clock.now = 9.5
    assert watchdog.tick()


def test_a_program_that_sends_is_not_held(latch: StopLatch, recorder: Recorder) -> None:
    clock = Clock()
    robot = SafeRobot(recorder, latch=latch, gate=GATE)
    watchdog = CommandTimeout(robot, 0.5, clock=clock)
    for _ in range(20):
        robot.send_action(np.zeros(2, np.float32))
        clock.now += 0.1
        assert not watchdog.tick()


def test_a_hold_goes_through_the_checks(latch: StopLatch, recorder: Recorder) -> None:
    clock = Clock()
    watchdog = CommandTimeout(SafeRobot(recorder, latch=latch, gate=GATE), 0.5, clock=clock)
    latch.stop("smoke")
    clock.now = 0.5
    assert not watchdog.tick() and "smoke" in str(watchdog.fault) and recorder.got == []
    latch.rearm()
    assert watchdog.tick() and watchdog.fault is None


def test_the_watchdogs_thread_holds_and_ends(latch: StopLatch) -> None:
    class Telling(Recorder):
        told = threading.Event()

        def send_action(self, action: Any) -> NDArray[np.float32]:
            self.told.set()
            return super().send_action(action)

    inner, running = Telling(), threading.active_count()
    with CommandTimeout(SafeRobot(inner, latch=latch, gate=GATE), 0.01) as watchdog:
        assert inner.told.wait(60)
        with pytest.raises(RuntimeError, match="one that runs"):
            watchdog.start()
    assert threading.active_count() == running and len(inner.got) == 1
    with pytest.raises(ValueError, match="seconds above 0"):
        CommandTimeout(SafeRobot(inner, latch=latch, gate=GATE), 0.0)


def test_whoever_looks_on_does_not_disturb_whoever_acts(latch: StopLatch) -> None:
    inner = SimulatedRobot(None, seed=3)
    inner.connect()
    robot = SafeRobot(inner, latch=latch, camera=CameraWatch(), gate=GATE)
    over, failed = threading.Event(), []

    def look() -> None:
        while not over.is_set():
            try:
                robot.get_observation()
            except Exception as error:
                failed.append(error)
                return

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    for _ in range(40):
        robot.get_observation()
        robot.send_action(np.array([0.002, 0.001], np.float32))
    over.set()
    for looker in lookers:
        looker.join()
    inner.disconnect()
    assert not failed and robot.fault is None
