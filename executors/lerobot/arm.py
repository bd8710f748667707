"""An arm behind a bridge as a robot of ours: joints and pictures as the dataset has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from executors.lerobot.client import BridgeClient, BridgedRobot, BridgeError
from executors.robot import Observation
from tasks.data.fitting import CameraView, Size, letterboxed
from tasks.data.motion import Motion
from tasks.domain import Limits

PREFIX: Final = "observation.images."
"""Of a camera of LeRobot's in a dataset."""


@dataclass(frozen=True, kw_only=True)
class ArmConfig:
    """What a dataset says of the arm that recorded it."""

    joints: tuple[str, ...]
    """In the order of the dataset's actions."""
    cameras: tuple[str, ...]
    """Feature names, from left to right."""
    size: Size
    """Height and width of the whole picture, pixels."""


def limits_of(names: Sequence[str], rate: float, motion: Motion, *, share: float = 1.0) -> Limits:
    """What the arm may do: the dataset's own range and a step beyond it, since where a joint is and where it
    was told to be are not quite the same; a step is the dataset's furthest, times `share`.

    A joint that never moves in the dataset may not move. Raises ValueError for a share that is not positive.
    """
    if not share > 0:
        raise ValueError(f"expected a share of the dataset's speed above 0, got {share}")
    steps = np.maximum(motion.step * share, 1e-3)
    low, high = motion.low - motion.step, np.maximum(motion.high + motion.step, motion.low + 1e-3)
    return Limits(
        low=tuple(low.tolist()), high=tuple(high.tolist()), max_step=float(steps.max()), control_hz=rate,
        steps=tuple(steps.tolist()), names=tuple(names), unit="of its units",
    )  # fmt: skip


class BridgedArm:
    """See executors.robot.Driver. Actions are changes of the joints' goals [A], in the dataset's units and
    order; "effector_target_translation" is the goal [A] that was last sent, before any where the joints are.
    """

    def __init__(self, client: BridgeClient, config: ArmConfig) -> None:
        self._client, self.config = client, config
        self._goal: NDArray[np.float64] | None = None
        self.about: BridgedRobot | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the bridge is."""
        return self._client.is_connected

    @property
    def observation_features(self) -> dict[str, Any]:
        """Name -> shape."""
        count = len(self.config.joints)
        return {"rgb": (*self.config.size, 3), "effector_target_translation": (count,), "joints": (count,)}

    @property
    def action_features(self) -> dict[str, Any]:
        """Name -> shape."""
        return {"joint_deltas": (len(self.config.joints),)}

    def connect(self) -> None:
        """Raises OSError, and BridgeError for a robot with other joints or cameras than the dataset's."""
        self._goal = None
        about = self._client.connect()
        try:
            self._check(about)
        except BridgeError:
            self._client.disconnect()
            raise
        self.about = about

    def _check(self, about: BridgedRobot) -> None:
        ours, theirs = self.config.joints, about.joints
        if set(ours) != set(theirs):
            raise BridgeError(
                f"expected an arm with the dataset's joints {', '.join(ours)}, got {', '.join(theirs)}; "
                "take the dataset's arm, or a dataset of this one"
            )
        for camera in self.config.cameras:
            if len(about.cameras.get(camera.removeprefix(PREFIX), ())) != 3:
                raise BridgeError(
                    f"expected the dataset's camera {camera.removeprefix(PREFIX)}, got "
                    f"{', '.join(about.cameras) or 'none'}; name it so in --robot.cameras"
                )

    def get_observation(self) -> Observation:
        """Raises OSError and BridgeError."""
        joints, pictures, when = self._client.observe()
        missing = [name for name in self.config.joints if name not in joints]
        if missing:
            raise BridgeError(f"expected where all joints are, got none of {', '.join(missing)}")
        at = np.array([joints[name] for name in self.config.joints])
        if self._goal is None:
            self._goal = at
        tiles = CameraView(size=self.config.size).tiles([None] * len(self.config.cameras))
        parts = []
        for camera, tile in zip(self.config.cameras, tiles, strict=True):
            name = camera.removeprefix(PREFIX)
            if name not in pictures or tile is None:
                raise BridgeError(f"expected a picture of camera {name}, got {sorted(pictures)}")
            parts.append(letterboxed(pictures[name], tile))
        rgb = np.concatenate(parts, 1)
        return {"rgb": rgb, "effector_target_translation": self._goal.copy(), "joints": at, "time": when,
                "pictures": pictures}  # fmt: skip

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """Change the joints' goals by [A]; what was really sent, float32 [A].

        Raises OSError and BridgeError.
        """
        if self._goal is None:
            self.get_observation()
        assert self._goal is not None
        before = self._goal
        wanted = before + np.asarray(action, np.float64)
        sent = self._client.send(dict(zip(self.config.joints, wanted.tolist(), strict=True)))
        self._goal = np.array([sent[name] for name in self.config.joints])
        return np.asarray(self._goal - before, np.float32)

    def disconnect(self) -> None:
        """Leave the bridge; the arm stays at its last goal."""
        self._client.disconnect()
