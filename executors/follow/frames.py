"""Following a clip by its pictures alone: no place of anything is known, in any world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from executors.follow.follower import Finished, Followed, Frame, Watch, send
from executors.robot import Robot
from executors.safety.gate import Gate, GateError

PICTURE: Final = "the picture"
LEVEL: Final = 48
"""Of 255, by which a channel of a pixel differs for the pixel to be another."""


class Reaching(Protocol):
    """Goal-conditioned inverse dynamics on pictures."""

    def actions(self, frame: Frame, goal_frame: Frame, left: int) -> NDArray[np.float32]:
        """Two frames uint8 [H, W, 3] and the control steps until the second is wanted, to actions
        float32 [k, A]."""
        ...


@dataclass(frozen=True, kw_only=True)
class PictureConfig:
    """How a clip is followed. Distances are shares (0..1) of pixels that differ."""

    stride: int = 6
    """Control steps from a frame of the clip to the next."""
    ahead: int = 4
    """Frames of the clip that are gone for at a time: how a thing must be touched is told by where it is to
    be a while from now."""
    late: int = 6
    """More of them that a frame may take until it is near."""
    execute: int = 2
    """Actions sent until the camera is looked at again."""
    near: float = 0.004
    """From a frame, at which it is left for the next one."""
    left: float = 0.006
    """From a frame, at which it is left once its time is over; else it is waited for until it is late."""
    parted: float = 0.04
    """From a frame that is left, beyond which the clip is no longer what happens."""


def distance(one: Frame, other: Frame) -> float:
    """The share of pixels of uint8 [H, W, 3] that differ."""
    gap = np.abs(one.astype(np.int16) - other.astype(np.int16)).max(-1)
    return float((gap > LEVEL).mean())


class PictureFollower:
    """See executors.follow.follower.Follower: each frame in turn is wanted until it is near or late."""

    def __init__(
        self, robot: Robot, policy: Reaching, gate: Gate, config: PictureConfig | None = None
    ) -> None:
        self._robot, self._policy, self._gate = robot, policy, gate
        self.config = config or PictureConfig()

    def follow(self, clip: Frame, watch: Watch, finished: Finished | None = None) -> Followed:
        """Follow a clip uint8 [T, H, W, 3]; distances of what came of it are shares of pixels."""
        frames: list[Frame] = []
        off: list[float] = []
        steps, outcome, reason = 0, "followed", ""
        for index, wanted in enumerate(clip):
            outcome, reason, sent = self._reach(index, clip, watch, finished)
            steps += sent
            if outcome != "followed":
                break
            frames.append(self._look())
            off.append(distance(frames[-1], wanted))
            if off[-1] > self.config.parted:
                outcome = "parted"
                reason = f"{off[-1]:.1%} of the pixels differ from frame {index + 1}"
                break
        end = self._look()
        seen = np.array(frames or [end])
        return Followed(
            outcome, steps, distance(end, clip[-1]), seen, reason, tuple(off), PICTURE, self.config.parted
        )

    def _look(self) -> Frame:
        frame: Frame = self._robot.get_observation()["rgb"]
        return frame

    def _reach(
        self, index: int, clip: Frame, watch: Watch, finished: Finished | None
    ) -> tuple[str, str, int]:
        """Act until a frame of a clip is near, or late: outcome, its reason, control steps sent."""
        config, sent, frame, wanted = self.config, 0, self._look(), clip[index]
        last = min(index + config.ahead, len(clip)) - 1
        while sent < config.stride + config.late:
            if finished is not None and finished():
                return "done", "", sent
            near = distance(frame, wanted) <= config.near
            if near or (sent >= config.stride and distance(frame, wanted) <= config.left):
                break
            left = max(2, config.stride * (last - index + 1) - sent)
            try:
                for action in self._policy.actions(frame, clip[last], left)[: config.execute]:
                    went, frame = send(self._robot, self._gate, action)
                    sent += 1
                    if watch(index, action, went, frame):
                        return "stopped", "", sent
            except GateError as error:
                return "refused", str(error), sent
        return "followed", "", sent
