"""Choice of the follower: how actions come from a clip, by the name that settings have for it."""

from __future__ import annotations

from typing import Protocol

from executors.follow.inverse_dynamics import InverseDynamics
from executors.follow.last_frame import LastFrameRuntime
from executors.follow.runtime import Finished, Followed, Frame, Places, Policy, Runtime, Watch

from executors.robot import Robot
from video.tabletop.clips import STRIDE
from vlp.settings import Extraction


class Follower(Protocol):
    """Acts out clips on a robot."""

    def follow(self, clip: Frame, watch: Watch, finished: Finished | None = None) -> Followed:
        """Act out a clip uint8 [T, H, W, 3], see `executors.follow.runtime.Runtime.follow`."""
        ...


def follower(extraction: Extraction, robot: Robot, policy: Policy, places: Places) -> Follower:
    """What acts out clips on a robot; "every-frame" is the agent as it is."""
    if extraction == "last-frame":
        return LastFrameRuntime(robot, policy, places)
    if extraction == "inverse-dynamics":
        return InverseDynamics(robot, places, stride=STRIDE)
    return Runtime(robot, policy, places)
