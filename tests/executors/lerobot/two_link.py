"""A robot with LeRobot's signatures that lives in the bridge's process: two links move the board's pusher.

It knows nothing of this project's robots; `make` is what `bridge.py --make` calls.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from tasks.tabletop.world import board
from tasks.tabletop.world.env import TabletopEnv

BASE, LINKS = (-0.10, 0.0), (0.45, 0.40)
"""Metres."""
JOINTS = ("shoulder.pos", "elbow.pos")


def tip(shoulder: float, elbow: float) -> np.ndarray[Any, Any]:
    """Where the pusher is at joint angles in degrees, metres [2]."""
    a, b = math.radians(shoulder), math.radians(shoulder + elbow)
    (x, y), (one, two) = BASE, LINKS
    return np.array([x + one * math.cos(a) + two * math.cos(b), y + one * math.sin(a) + two * math.sin(b)])


def angles(place: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Joint angles in degrees that bring the pusher somewhere."""
    x, y = np.asarray(place, float) - BASE
    one, two = LINKS
    elbow = math.acos(np.clip((x * x + y * y - one**2 - two**2) / (2 * one * two), -1, 1))
    shoulder = math.atan2(y, x) - math.atan2(two * math.sin(elbow), one + two * math.cos(elbow))
    return math.degrees(shoulder), math.degrees(elbow)


class TwoLinkArm:
    """LeRobot's Robot: dictionaries by joint and camera."""

    name = "two_link_follower"

    def __init__(self, fault: str = "", most: float = 3.0, joints: tuple[str, ...] = JOINTS) -> None:
        self.fault, self.most, self._joints = fault, most, joints
        self._env = TabletopEnv(None, blocks=board.BLOCK_4)
        self._seen: dict[str, Any] | None = None
        self.sends = 0

    @property
    def observation_features(self) -> dict[str, type | tuple[int, ...]]:
        return {**dict.fromkeys(self._joints, float), "front": (96, 128, 3), "depth": (96, 128, 1)}

    @property
    def action_features(self) -> dict[str, type]:
        return dict.fromkeys(self._joints, float)

    @property
    def is_connected(self) -> bool:
        return self._seen is not None

    @property
    def is_calibrated(self) -> bool:
        return self.fault != "uncalibrated"

    def connect(self, calibrate: bool = True) -> None:
        assert not calibrate, "a bridge never calibrates"
        self._seen, _ = self._env.reset(seed=3)

    def calibrate(self) -> None:
        raise AssertionError("a bridge never calibrates")

    def configure(self) -> None:
        """Nothing to do."""

    def get_observation(self) -> dict[str, Any]:
        assert self._seen is not None
        if self.fault == "slow":
            time.sleep(1.0)
        at = dict(zip(JOINTS, angles(self._seen["effector_translation"]), strict=True))
        if self.fault == "nan":
            at["elbow.pos"] = math.nan
        joints, rgb = {name: at[name] for name in self._joints}, self._seen["rgb"]
        front = rgb[::-1, ::-1] if self.fault == "turned" else rgb
        return {**joints, "front": front, "depth": np.zeros((96, 128, 1))}

    def send_action(self, action: dict[str, Any]) -> dict[str, Any]:
        """As LeRobot's: no joint is sent further than `most` degrees from where it is."""
        assert self._seen is not None
        if self.fault == "late" and self.sends:
            time.sleep(1.0)
        at = dict(zip(JOINTS, angles(self._seen["effector_translation"]), strict=True))
        goal = {
            name: at[name] + float(np.clip(action[name] - at[name], -self.most, self.most)) for name in JOINTS
        }
        wanted = tip(*(goal[name] for name in JOINTS)) - self._seen["effector_target_translation"]
        self._seen, *_ = self._env.step(np.clip(wanted, -0.1, 0.1).astype(np.float32))
        self.sends += 1
        return {name: goal[name] for name in action}

    def disconnect(self) -> None:
        self._seen = None
        self._env.close()


def make(arguments: list[str]) -> TwoLinkArm:
    """`--fault=NAME`, `--reordered`."""
    given = dict(word.removeprefix("--").partition("=")[::2] for word in arguments)
    joints: tuple[str, ...] = JOINTS[::-1] if "reordered" in given else JOINTS
    if given.get("fault") == "other":
        joints = ("shoulder.pos",)
    return TwoLinkArm(given.get("fault", ""), joints=joints)
