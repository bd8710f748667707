"""The camera's faults, each beside the same observations without it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from executors.robot import Observation
from executors.safety.camera_watch import CameraConfig, CameraWatch
from executors.safety.faults import CameraError, RobotError, RobotLostError
from executors.tabletop.simulated import SimulatedRobot

PICTURE = np.random.default_rng(0).integers(0, 256, (8, 10, 3)).astype(np.uint8)


class Clock:
    """Tells the time it is set to."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


class Camera:
    """A robot of which only the observation counts: given, raised, or kept back until `free` is set."""

    def __init__(self, gives: Observation | Exception) -> None:
        self.gives, self.free = gives, threading.Event()
        self.free.set()
        self.asked = 0
        self.is_connected = True
        self.observation_features: dict[str, Any] = {}
        self.action_features: dict[str, Any] = {}

    def connect(self) -> None: ...

    def disconnect(self) -> None: ...

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        return action

    def get_observation(self) -> Observation:
        self.asked += 1
        self.free.wait()
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


def seen(picture: object = PICTURE, x: float = 0.35, **more: object) -> Observation:
    """An observation with the set point at (x, 0)."""
    return {"rgb": picture, "effector_target_translation": np.array([x, 0.0], np.float32), **more}


def test_a_good_picture_passes() -> None:
    CameraWatch().check(seen())
    CameraWatch(CameraConfig(shape=(8, 10, 3))).check(seen())


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (None, "got a NoneType"),
        (PICTURE.tolist(), "got a list"),
        (PICTURE.astype(np.float32), "got float32"),
        (PICTURE[..., 0], "got uint8"),
        (PICTURE[:0], "got uint8"),
        (np.zeros_like(PICTURE), "nothing but"),
        (PICTURE % 6, "nothing but"),  # the lens covered: dark, with noise
        (np.broadcast_to(np.array([10, 200, 30], np.uint8), PICTURE.shape), "nothing but"),
    ],
)
def test_what_is_no_picture_of_the_board_holds(picture: object, said: str) -> None:
    watch = CameraWatch()
    with pytest.raises(CameraError, match=said):
        watch.check(seen(picture))
    watch.check(seen())


def test_an_observation_without_a_picture_holds() -> None:
    with pytest.raises(CameraError, match="got a NoneType"):
        CameraWatch().check({})


def test_the_picture_keeps_its_size() -> None:
    watch = CameraWatch()
    watch.check(seen())
    with pytest.raises(CameraError, match=r"expected a picture of \[8, 10, 3\], got uint8 \[8, 9, 3\]"):
        watch.check(seen(PICTURE[:, :9]))
    watch.reset()
    watch.check(seen(PICTURE[:, :9]))
    with pytest.raises(CameraError, match="expected a picture of"):
        CameraWatch(CameraConfig(shape=(8, 11, 3))).check(seen())


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (0.0, ""),
        (0.19, ""),
        (0.21, "at most 0.2 s old"),
        (9.0, "at most"),
        (-0.1, ""),
        (-0.3, "0.30 s ahead"),
    ],
)
def test_an_old_picture_holds(age: float, said: str) -> None:
    watch, observation = CameraWatch(clock=Clock()), seen(time=50.0 - age)
    if said:
        with pytest.raises(CameraError, match=said):
            watch.check(observation)
    else:
        watch.check(observation)
    CameraWatch(clock=Clock()).check(seen())  # a robot that tells no time is not judged by it


@pytest.mark.parametrize("captured", [np.nan, np.inf, "now", None, [1, 2]])
def test_a_time_that_is_none_holds(captured: object) -> None:
    with pytest.raises(CameraError, match="time of capture"):
        CameraWatch(clock=Clock()).check(seen(time=captured))


def test_pictures_in_the_wrong_order_hold() -> None:
    watch = CameraWatch(clock=Clock())
    for captured in (49.9, 49.95, 49.95):
        watch.check(seen(time=captured))
    with pytest.raises(CameraError, match="s older; nothing was sent"):
        watch.check(seen(time=49.93))
    watch.check(seen(time=49.96))
    watch.reset()
    watch.check(seen(time=49.9))


def test_a_frozen_picture_holds_once_the_set_point_has_gone_on() -> None:
    watch = CameraWatch()
    for step in range(19):
        watch.check(seen(x=0.3 + 0.001 * step))
    with pytest.raises(CameraError, match="identical one 20 times while the set point went"):
        watch.check(seen(x=0.319))
    other = PICTURE.copy()
    other[3, 3] ^= 1
    watch.check(seen(other, x=0.32))


def test_a_still_scene_is_not_frozen() -> None:
    watch = CameraWatch()
    for step in range(60):  # back and forth within a pixel, too
        watch.check(seen(x=0.3 + 0.002 * (step % 2)))


def test_a_driver_that_writes_into_the_same_array_is_not_frozen() -> None:
    watch, picture = CameraWatch(), PICTURE.copy()
    for step in range(60):
        picture[0, 0] = step
        watch.check(seen(picture, x=0.3 + 0.001 * step))


def test_the_simulated_camera_is_never_found_at_fault() -> None:
    robot, watch, rng = SimulatedRobot(seed=0), CameraWatch(), np.random.default_rng(0)
    robot.connect()
    way = np.zeros(2)
    for step in range(400):
        if step % 40 == 0:
            way = rng.uniform(-1, 1, 2) * rng.choice([0.0005, 0.002, 0.01, 0.05])
        for _ in range(3):  # as often as the runtime looks
            watch.check(robot.get_observation())
        robot.send_action(way.astype(np.float32))
    robot.disconnect()


@pytest.mark.parametrize("blocks", [True, False])
def test_a_camera_that_does_not_answer_holds(blocks: bool) -> None:
    camera, watch = Camera(seen()), CameraWatch()
    if blocks:
        camera.free.clear()
        with pytest.raises(CameraError, match=r"within 0\.02 s, got none"):
            watch.read(camera, timeout=0.02)
        with pytest.raises(CameraError, match="none since the last"):  # no second thread is left behind
            watch.read(camera, timeout=60)
        assert camera.asked == 1
        camera.free.set()
        watch.reset()
    assert watch.read(camera, timeout=60)["rgb"] is PICTURE


def test_read_checks_what_it_reads() -> None:
    with pytest.raises(CameraError, match="nothing but"):
        CameraWatch().read(Camera(seen(np.zeros_like(PICTURE))), timeout=60)


@pytest.mark.parametrize(
    "error", [ConnectionError("gone"), OSError("cable"), TimeoutError(), RobotError("not\nconnected")]
)
def test_a_robot_that_does_not_answer_is_lost(error: Exception) -> None:
    watch, camera = CameraWatch(), Camera(error)
    with pytest.raises(RobotLostError, match=f"got {type(error).__name__}") as raised:
        watch.read(camera, timeout=60)
    assert "\n" not in str(raised.value)
    camera.gives = seen()
    watch.read(camera, timeout=60)


def test_a_mistake_in_the_driver_is_shown_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        CameraWatch().read(Camera(ZeroDivisionError("driver")), timeout=60)
