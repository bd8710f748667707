"""An arm of LeRobot's in another process is seen and moved by joints, behind the whole safety layer."""

from __future__ import annotations

import ast
import json
import os
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from executors.lerobot import bridge
from executors.lerobot.arm import ArmConfig, BridgedArm, limits_of
from executors.lerobot.client import Address, BridgeClient, BridgeError
from executors.safety.camera_watch import CameraConfig, CameraWatch
from executors.safety.faults import RobotLostError, StoppedError
from executors.safety.gate import Gate, GateConfig, GateError
from executors.safety.safe_robot import SafeRobot
from executors.safety.stop import StopLatch
from executors.safety.watchdog import CommandTimeout
from tasks.data.motion import Motion, read_motion
from tasks.domain import Limits
from tests.conftest import ROOT
from tests.executors.lerobot.conftest import Begin
from tests.executors.lerobot.two_link import tip
from tests.tasks.data.lerobot_sets import Made, write_v3

NAMES = ("elbow.pos", "shoulder.pos")
"""The dataset's order, which is not the robot's."""
CONFIG = ArmConfig(joints=NAMES, cameras=("observation.images.front",), size=(96, 128))
LIMITS = Limits(
    low=(5.0, -80.0), high=(150.0, 80.0), max_step=2.0, steps=(2.0, 1.0), names=NAMES, unit="degrees"
)


def arm(folder: Path, timeout: float = 5.0) -> BridgedArm:
    return BridgedArm(BridgeClient(Address.parse(f"unix:{folder}/arm.sock"), timeout=timeout), CONFIG)


def safe(folder: Path, robot: BridgedArm) -> SafeRobot:
    watch = CameraWatch(CameraConfig(timeout=5.0, max_age=5.0, frozen_distance=1.0))
    return SafeRobot(
        robot, latch=StopLatch(folder / "robot"), gate=Gate(GateConfig(LIMITS)), camera=watch, period=0.02
    )


# -- what works ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(), ("--reordered",)], ids=["in order", "reordered"])
def test_the_board_s_pusher_is_driven_by_joint_angles(begin: Begin, tmp_path: Path, order: Any) -> None:
    """Names decide which joint is which, whatever order the robot says them in."""
    begin(*order)
    robot = safe(tmp_path, arm(tmp_path))
    robot.connect()
    seen = robot.get_observation()
    assert seen["rgb"].shape == (96, 128, 3) and seen["rgb"].std() > 10
    elbow, shoulder = seen["joints"]
    first = tip(shoulder, elbow)
    assert 0.15 < first[0] < 0.6 and abs(first[1]) < 0.31
    for _ in range(12):
        sent = robot.send_action(np.array([-1.0, 0.8], np.float32))
        assert np.allclose(sent, [-1.0, 0.8], atol=1e-3)
    for _ in range(8):
        robot.send_action(robot.still)
    seen = robot.get_observation()
    goal = seen["effector_target_translation"]
    assert np.allclose(goal, [elbow - 12, shoulder + 9.6], atol=1e-2)
    assert np.abs(seen["joints"] - goal).max() < 1.0  # degrees
    assert np.linalg.norm(tip(*seen["joints"][::-1]) - tip(goal[1], goal[0])) < 0.01  # metres
    robot.disconnect()


def test_what_was_really_sent_is_the_answer(begin: Begin, tmp_path: Path) -> None:
    """The arm's own limit of 3 degrees cuts a step of 10, as LeRobot's max_relative_target does."""
    begin()
    robot = arm(tmp_path)
    robot.connect()
    before = robot.get_observation()["effector_target_translation"]
    sent = robot.send_action(np.array([10.0, 0.0], np.float32))
    assert sent[0] == pytest.approx(3.0, abs=0.5) and abs(sent[1]) < 0.5
    after = robot.get_observation()["effector_target_translation"]
    assert np.allclose(after - before, sent, atol=1e-4)


def test_a_loopback_bridge_wants_its_token(begin: Begin, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    token = tmp_path / "arm.token"
    begin(listen=f"127.0.0.1:{port}", options=("--token-file", str(token)))
    assert stat.S_IMODE(token.stat().st_mode) == 0o600 and len(token.read_text().strip()) == 64
    BridgeClient(Address.parse(f"127.0.0.1:{port}", token)).connect()
    (tmp_path / "other").write_text("x" * 64)
    with pytest.raises(BridgeError, match="expected the bridge's token"):
        BridgeClient(Address.parse(f"127.0.0.1:{port}", tmp_path / "other")).connect()
    with pytest.raises(ValueError, match="token file"):
        Address.parse(f"127.0.0.1:{port}")
    for elsewhere in ("0.0.0.0:5757", "192.168.1.7:5757", "arm", "unix:", "127.0.0.1:0"):
        with pytest.raises(ValueError, match="expected unix:PATH or 127"):
            Address.parse(elsewhere, token)


def test_a_unix_socket_is_its_owner_s_alone(begin: Begin, tmp_path: Path) -> None:
    begin()
    assert stat.S_IMODE((tmp_path / "arm.sock").stat().st_mode) & 0o077 == 0
    for address in ("0.0.0.0:5757", "example.org:80"):
        with pytest.raises(ValueError, match="expected unix:PATH or 127"):
            bridge.listen(address)


def test_the_bridge_needs_the_standard_library_and_numpy_alone() -> None:
    tree = ast.parse((ROOT / "executors/lerobot/bridge.py").read_text())
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name.split(".")[0] for node in top if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module).split(".")[0] for node in top if isinstance(node, ast.ImportFrom)}
    assert names - set(sys.stdlib_module_names) == {"numpy"}
    inside = {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert "pickle" not in names and not any(name.startswith(("tasks", "vlp")) for name in inside)


# -- limits --------------------------------------------------------------------------------------------


def test_limits_are_the_dataset_s_own_in_its_own_order(tmp_path: Path) -> None:
    names, rate, motion = read_motion(write_v3(tmp_path / "set", Made(names=list(NAMES))))
    limits = limits_of(names, rate, motion)
    assert limits.names == NAMES and limits.control_hz == 30
    assert limits.low == (-1.0, -27.0) and limits.high == (14.0, 0.5)  # a step beyond 0..13 and -26.5..0
    assert limits.most == (1.0, 0.5)
    half = limits_of(names, rate, motion, share=0.5)
    assert half.most == (0.5, 0.25)
    with pytest.raises(ValueError, match="share"):
        limits_of(names, rate, Motion.of(np.zeros((3, 2), np.float32)), share=0)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ([2.5, 0.0], r"step of elbow\.pos of at most 2\.0 degrees"),
        ([0.0, 1.5], r"step of shoulder\.pos of at most 1\.0 degrees"),
        ([float("nan"), 0.0], "two finite numbers in degrees"),
        ([1.0], "two finite numbers"),
    ],
)
def test_each_joint_has_its_own_limit(action: list[float], said: str) -> None:
    with pytest.raises(GateError, match=said):
        Gate(GateConfig(LIMITS)).check(np.array(action, np.float32), (90.0, 0.0))
    slow = Gate(GateConfig(LIMITS)).slow(np.array([3.0, 3.0], np.float32))
    assert np.allclose(slow, [1.0, 1.0])


def test_beyond_the_range_nothing_is_sent() -> None:
    with pytest.raises(GateError, match=r"elbow\.pos \(5\.0, 150\.0\)"):
        Gate(GateConfig(LIMITS)).check(np.array([1.0, 0.0], np.float32), (150.0, 0.0))


def test_the_bridge_itself_refuses_a_leap_a_stranger_and_what_is_late(begin: Begin, tmp_path: Path) -> None:
    begin()
    client = BridgeClient(Address.parse(f"unix:{tmp_path}/arm.sock"), timeout=5)
    client.connect()
    joints, _, _ = client.observe()
    for goal, said in (
        ({**joints, "elbow.pos": joints["elbow.pos"] + 40}, "within 15"),
        ({"elbow.pos": joints["elbow.pos"]}, "expected goals of"),
        ({**joints, "gripper.pos": 1.0}, "expected goals of"),
    ):
        with pytest.raises(BridgeError, match=said):
            client.send(goal)
    with pytest.raises(BridgeError, match="too late"):
        client._ask({"kind": "send", "action": joints, "until": time.monotonic() - 1}, "sent")
    with pytest.raises(BridgeError, match="expected observe or send"):
        client._ask({"kind": "calibrate"}, "sent")
    assert client.observe()[0] == joints  # nothing has moved


# -- the rest of the safety layer -----------------------------------------------------------------------


def test_a_stop_holds_and_a_silence_is_answered_by_a_hold(begin: Begin, tmp_path: Path) -> None:
    begin()
    robot = safe(tmp_path, arm(tmp_path))
    robot.connect()
    robot.send_action(np.array([-1.0, 0.5], np.float32))
    before = robot.get_observation()["effector_target_translation"]
    watch = CommandTimeout(robot, 0.05)
    time.sleep(0.1)
    assert watch.tick() and robot.sent == 2
    assert np.allclose(robot.get_observation()["effector_target_translation"], before, atol=1e-3)
    robot.stop("enough")
    with pytest.raises(StoppedError, match="enough"):
        robot.send_action(robot.still)
    assert robot.sent == 2


# -- faults --------------------------------------------------------------------------------------------


def test_a_killed_bridge_holds_the_arm(begin: Begin, tmp_path: Path) -> None:
    process = begin()
    robot = safe(tmp_path, arm(tmp_path))
    robot.connect()
    robot.send_action(np.array([-1.0, 0.5], np.float32))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for _ in range(2):
        with pytest.raises(RobotLostError, match="see to its connection"):
            robot.get_observation()
        with pytest.raises(GateError):
            robot.send_action(robot.still)
    assert robot.fault and robot.sent == 1
    begin()  # one that is started anew is connected to anew
    robot.connect()
    robot.send_action(np.array([-1.0, 0.5], np.float32))
    assert robot.fault is None and robot.sent == 2


def test_a_lost_client_leaves_the_arm_where_it_is(begin: Begin, tmp_path: Path) -> None:
    begin()
    one = arm(tmp_path)
    one.connect()
    one.send_action(np.array([-1.0, 0.5], np.float32))
    goal = one.get_observation()["effector_target_translation"]
    one.disconnect()
    other = arm(tmp_path)
    other.connect()
    first = other.get_observation()["joints"]
    time.sleep(0.3)
    assert np.allclose(other.get_observation()["joints"], first)
    assert np.abs(first - goal).max() < 1.5
    assert "stays at its last goal" in (tmp_path / "bridge.log").read_text()


def test_a_slow_robot_is_lost_and_what_it_says_later_is_not_taken(begin: Begin, tmp_path: Path) -> None:
    begin("--fault=slow")
    robot = arm(tmp_path, timeout=0.3)
    robot.connect()
    begun = time.monotonic()
    with pytest.raises(ConnectionError, match=r"no answer in 0\.3 s"):
        robot.get_observation()
    assert time.monotonic() - begun < 0.9 and not robot.is_connected
    with pytest.raises(ConnectionError, match="connect first"):
        robot.get_observation()


def test_a_send_without_an_answer_is_a_fault_until_connected_again(begin: Begin, tmp_path: Path) -> None:
    begin("--fault=late")
    robot = safe(tmp_path, arm(tmp_path, timeout=0.5))
    robot.connect()
    robot.send_action(np.array([-1.0, 0.5], np.float32))
    with pytest.raises(RobotLostError, match="no answer"):
        robot.send_action(np.array([-1.0, 0.5], np.float32))
    assert robot.fault is not None and "no answer" in robot.fault


def test_nan_of_a_sensor_is_refused_by_its_name(begin: Begin, tmp_path: Path) -> None:
    begin("--fault=nan")
    robot = safe(tmp_path, arm(tmp_path))
    robot.connect()
    with pytest.raises(RobotLostError, match=r"elbow\.pos is nan"):
        robot.get_observation()
    with pytest.raises(GateError):
        robot.send_action(robot.still)
    assert robot.sent == 0


def test_another_arm_is_refused(begin: Begin, tmp_path: Path) -> None:
    begin("--fault=other")
    with pytest.raises(BridgeError, match=r"joints elbow\.pos, shoulder\.pos, got shoulder\.pos"):
        arm(tmp_path).connect()


def test_another_camera_is_refused(begin: Begin, tmp_path: Path) -> None:
    begin()
    client = BridgeClient(Address.parse(f"unix:{tmp_path}/arm.sock"))
    config = ArmConfig(joints=NAMES, cameras=("observation.images.wrist",), size=(96, 128))
    with pytest.raises(BridgeError, match="camera wrist, got front, depth"):
        BridgedArm(client, config).connect()


@contextmanager
def pretending(path: Path, act: Callable[[socket.socket], object]) -> Iterator[BridgeClient]:
    """A client of a program that is no bridge, or not a good one."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve() -> None:
            link, _ = listening.accept()
            with link:
                act(link)
                link.settimeout(2)
                try:
                    while link.recv(4096):
                        pass
                except OSError:
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        client = BridgeClient(Address.parse(f"unix:{path}"), timeout=1)
        yield client
        client.disconnect()
        thread.join(5)


def head(version: int, text: bytes, pixels: int = 0) -> bytes:
    return bridge.HEADER.pack(bridge.MAGIC, version, len(text), pixels) + text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is another program there"),
        (os.urandom(64), "is another program there"),
        (head(2, b"{}"), "expected version 1 of the bridge, got 2"),
        (head(1, b"not json"), "expected JSON and pixels"),
        (head(1, b"[1]"), "expected JSON and pixels"),
        (head(1, b'{"arrays": {"a": [9, 9, 3]}}'), "expected JSON and pixels"),
        (head(1, b'{"arrays": {}, "x": NaN}'), "expected JSON and pixels"),
        (bridge.HEADER.pack(bridge.MAGIC, 1, 1 << 31, 0), "at most"),
    ],
    ids=["http", "garbage", "version", "no json", "no dict", "no pixels", "nan", "huge"],
)
def test_garbage_is_said_in_words(data: bytes, said: str, tmp_path: Path) -> None:
    with (
        pretending(tmp_path / "s", lambda link: link.sendall(data)) as client,
        pytest.raises(ConnectionError, match=said),
    ):
        client.connect()
    assert not client.is_connected


@pytest.mark.parametrize(
    "answer",
    [
        {"kind": "sent", "action": {"a": float("1e400")}},
        {"kind": "sent", "action": {"b": 1.0}},
        {"kind": "sent", "action": {"a": "x"}},
        {"kind": "sent", "action": [1]},
        {"kind": "sent"},
        {"kind": "observation"},
    ],
)
def test_an_answer_that_can_t_be_ends_the_conversation(answer: dict[str, Any], tmp_path: Path) -> None:
    def act(link: socket.socket) -> None:
        link.sendall(bridge.pack({"kind": "hello", "nonce": "n", "token": False}))
        bridge.receive(link)
        link.sendall(bridge.pack({"kind": "robot", "name": "x", "joints": ["a"], "cameras": {}, "leap": 1}))
        bridge.receive(link)
        text = json.dumps({**answer, "arrays": {}}).replace("Infinity", "1e999").encode()
        link.sendall(head(1, text))

    with pretending(tmp_path / "s", act) as client:
        client.connect()
        with pytest.raises(ConnectionError, match="expected"):
            client.send({"a": 1.0})
    assert not client.is_connected
