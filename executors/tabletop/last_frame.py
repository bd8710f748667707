"""Follower of a clip's last frame alone: what following every frame is compared to."""

from __future__ import annotations

import math
from dataclasses import replace

from executors.follow.follower import Finished, Followed, Frame, Watch
from executors.robot import Robot
from executors.safety.gate import Gate
from executors.tabletop.course import FollowConfig
from executors.tabletop.runtime import Places, Policy, Runtime


class LastFrameRuntime:
    """Gives the goal-conditioned policy a clip's last frame only, for as many control steps as a runtime that
    follows every frame has for all of them."""

    def __init__(
        self,
        robot: Robot,
        policy: Policy,
        places: Places,
        *,
        gate: Gate | None = None,
        config: FollowConfig | None = None,
    ) -> None:
        self._robot, self._policy, self._places = robot, policy, places
        self._gate, self.config = gate, config or FollowConfig()

    def follow(
        self, clip: Frame, watch: Watch, finished: Finished | None = None, *, words: str = ""
    ) -> Followed:
        """As `Runtime.follow`, towards the last frame of a clip uint8 [T, H, W, 3] from the start."""
        config = self.config
        budget = config.steps_a_frame * (len(clip) - 1) + config.final_steps
        # Far from the last frame is where a clip starts: that says nothing of whether it is what happens.
        alone = replace(config, final_steps=budget, lost_distance=math.inf, stalled=0.0, missed=99)
        runtime = Runtime(self._robot, self._policy, self._places, gate=self._gate, config=alone)
        return runtime.follow(clip[-1:], watch, finished)
