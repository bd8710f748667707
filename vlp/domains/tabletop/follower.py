"""How actions come from a clip on the tabletop, by the name that settings have for it."""

from __future__ import annotations

from executors.follow.follower import Follower
from executors.robot import Robot
from executors.tabletop.inverse_dynamics import InverseDynamics
from executors.tabletop.last_frame import LastFrameRuntime
from executors.tabletop.runtime import Places, Policy, Runtime
from video.tabletop.clips import STRIDE
from vlp.agent.parts import Watch
from vlp.settings import Extraction


def follower(
    extraction: Extraction, robot: Robot, watch: Watch, *, policy: Policy, probe: Places
) -> Follower:
    """What acts out clips on a robot; "every-frame" is the agent as it is."""
    policy, probe = watch.wrap("policy", policy), watch.wrap("probe", probe)
    if extraction == "last-frame":
        return LastFrameRuntime(robot, policy, probe)
    if extraction == "inverse-dynamics":
        return InverseDynamics(robot, probe, stride=STRIDE)
    return Runtime(robot, policy, probe)
