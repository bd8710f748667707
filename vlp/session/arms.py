"""An arm behind a bridge, as a dataset knows it: looked at, compared, and moved a little if approved."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from executors.lerobot.arm import ArmConfig, BridgedArm, limits_of
from executors.lerobot.client import Address, BridgeClient
from executors.lerobot.view import DatasetView
from executors.safety.camera_watch import CameraConfig
from executors.safety.faults import RobotError
from executors.safety.safe_robot import SafeRobot
from tasks.data.dataset_about import read_about
from tasks.data.dataset_rows import read_rows
from tasks.data.fitting import CameraView
from tasks.data.footage import FootageReader
from tasks.data.layout import DatasetError
from tasks.data.motion import read_motion
from tasks.domain import Limits
from vlp.durable.names import ROBOT
from vlp.errors import FolderError, HeldError, UsageError
from vlp.session.folders import RUNS
from vlp.train.seen import training_view

EPISODES, FRAMES = 12, 4
"""Of a dataset that its view is known by."""
WIGGLE: Final = 2.0
"""Degrees, or whatever a joint's units are."""
REST: Final = 5
"""Control steps that a joint gets to arrive."""


@dataclass(frozen=True)
class KnownArm:
    """What a dataset tells of the arm that recorded it."""

    config: ArmConfig
    limits: Limits
    view: DatasetView
    picture: NDArray[np.uint8]
    """One of its pictures, uint8 [H, W, 3]."""

    @property
    def camera(self) -> CameraConfig:
        """How its camera is watched: a set point counts as moved by a step, in the joints' units."""
        return CameraConfig(frozen_distance=self.limits.max_step)


def known(root: Path, camera: str | None = None, *, share: float = 1.0) -> KnownArm:
    """Raises FolderError for a dataset that can't be read, or whose actions have no names."""
    try:
        names, rate, motion = read_motion(root)
        view = CameraView.parse(training_view(root, camera, None))
        about = read_about(root, view.cameras)
        reader, rows = FootageReader(about, view), read_rows(about)
        some = [rows[k] for k in np.unique(np.linspace(0, len(rows) - 1, EPISODES).astype(int))]
        pictures, numbers = [], []
        for row in some:
            rgb = reader.read(row).rgb
            at = np.unique(np.linspace(0, len(rgb) - 1, FRAMES).astype(int))
            pictures.append(rgb[at])
            numbers += [row.number] * len(at)
    except DatasetError as error:
        raise FolderError(f"data: {error}") from error
    whole = np.concatenate(pictures)
    config = ArmConfig(
        joints=names,
        cameras=tuple(one.name for one in about.cameras),
        size=(int(whole.shape[1]), int(whole.shape[2])),
    )
    limits = limits_of(names, rate, motion, share=share)
    return KnownArm(config, limits, DatasetView(whole, np.array(numbers)), whole[0])


def bridged(words: str, token_file: Path | None, config: ArmConfig, *, timeout: float = 0.5) -> BridgedArm:
    """The arm of a bridge's address, not connected yet. Raises UsageError."""
    try:
        return BridgedArm(BridgeClient(Address.parse(words, token_file), timeout=timeout), config)
    except (OSError, ValueError) as error:
        raise UsageError(f"bridge: {error}; see docs/robots.md") from error


def connected(arm: BridgedArm, words: str) -> BridgedArm:
    """The same, connected. Raises HeldError; nothing has moved then."""
    try:
        arm.connect()
    except (OSError, RobotError) as error:
        raise HeldError(
            f"bridge: expected the dataset's arm at {words}, got {type(error).__name__}: {error}; "
            "nothing has moved"
        ) from error
    return arm


def robot_folder(words: str) -> Path:
    """Of the stop and the lease of a bridge's robot, which all who drive it from here share; the folder that
    it is in is what `vlp stop` takes."""
    return RUNS / f"arm-{re.sub(r'[^a-zA-Z0-9]+', '-', words).strip('-')}" / ROBOT


@dataclass(frozen=True)
class Wiggled:
    """What came of moving one joint."""

    joint: str
    asked: float
    moved: float
    other: str = ""
    """The joint that moved more instead; empty where none did."""

    @property
    def good(self) -> bool:
        """Whether it moved as it was asked to."""
        return self.asked == 0 or (not self.other and 0.5 < self.moved / self.asked < 1.5)


def wiggle(robot: SafeRobot, limits: Limits) -> list[Wiggled]:
    """Each joint by WIGGLE and back, through the whole safety layer. Raises HoldError and GateError."""
    return [_joint(robot, limits, axis) for axis in range(limits.size)]


def _joint(robot: SafeRobot, limits: Limits, axis: int) -> Wiggled:
    seen = robot.get_observation()
    goal, before = seen["effector_target_translation"][axis], seen["joints"]
    room = limits.high[axis] - goal, goal - limits.low[axis]
    way = min(WIGGLE, max(room)) * (1 if room[0] >= min(WIGGLE, room[1]) else -1)
    if limits.most[axis] < WIGGLE / 100:  # the dataset never moves it
        return Wiggled(limits.names[axis], 0.0, 0.0)
    _go(robot, limits, axis, way)
    moved = robot.get_observation()["joints"] - before
    _go(robot, limits, axis, -way)
    most = int(np.abs(moved).argmax())
    other = limits.names[most] if abs(moved[most]) > 2 * abs(moved[axis]) + 0.2 else ""
    return Wiggled(limits.names[axis], float(way), float(moved[axis]), other)


def _go(robot: SafeRobot, limits: Limits, axis: int, way: float) -> None:
    """A way in lawful steps, then a rest."""
    count = int(np.ceil(abs(way) / limits.most[axis] - 1e-6))
    step = robot.still
    step[axis] = way / count
    for _ in range(count):
        robot.send_action(step)
    for _ in range(REST):
        robot.send_action(robot.still)
