"""Runtime loop: follows an imagined clip, frame by frame, on what the camera really shows."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from executors.follow.follower import Finished, Followed, Frame, Watch, send
from executors.robot import Robot
from executors.safety.gate import Gate, GateConfig, GateError
from executors.tabletop.course import Course, FollowConfig
from executors.tabletop.detour import Detour, DetourConfig
from executors.tabletop.deviation import Seen, gaps
from executors.tabletop.shield import Shield
from tasks.tabletop.world.limits import LIMITS

A_BLOCK: Final = "a block"
DIVERGED: Final = 0.02
"""Metres that a block may be from where a frame has it; the probe is off by 2 mm, and an inner frame is left
at 12."""


class Policy(Protocol):
    """Goal-conditioned inverse dynamics."""

    def actions(
        self, frame: Frame, goal_frame: Frame, stays: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Two frames uint8 [H, W, 3] to set-point changes float32 [k, 2], metres a step. `stays` [K]: what is
        not to be moved, whatever the goal frame seems to show."""
        ...


class Places(Protocol):
    """Tells where things are in a frame."""

    def places(self, frames: Frame) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Frames uint8 [N, H, W, 3] to presence [N, K] and places [N, K, 2] in metres, pusher last."""
        ...


class Runtime:
    """Acts out clips on a robot: observe, choose the frame to reach, act through the gate, watch."""

    def __init__(
        self,
        robot: Robot,
        policy: Policy,
        places: Places,
        *,
        gate: Gate | None = None,
        config: FollowConfig | None = None,
        shield: Shield | None = None,
        detour: DetourConfig | None = None,
    ) -> None:
        self._robot, self._policy, self._places = robot, policy, places
        self._shield, self._detour = shield or Shield(), detour
        self._gate = gate or Gate(GateConfig(LIMITS))
        self.config = config or FollowConfig()

    def _look(self, frame: Frame) -> Seen:
        present, where = self._places.places(frame[None])
        return present[0], where[0]

    def follow(
        self, clip: Frame, watch: Watch, finished: Finished | None = None, *, words: str = ""
    ) -> Followed:
        """Follow a clip uint8 [T, H, W, 3] until its last frame is reached, parted from, or stopped.

        `finished` looks at what is seen before every action; True ends the clip early, as "done".
        """
        course = Course(self._places.places(clip), self.config)
        detour = Detour(self._detour)
        frames: list[Frame] = []
        off: list[float] = []
        steps, outcome, reason = 0, "followed", ""
        frame: Frame = self._robot.get_observation()["rgb"]
        while not course.over:
            seen = self._look(frame)
            if finished is not None and finished():
                outcome = "done"
                break
            reason = course.parted(seen)
            if reason:
                outcome = "parted"
                break
            far, _ = gaps(seen, course.frame(course.index))
            if course.leave(seen):
                frames.append(frame)
                off.append(far)
                continue
            try:
                way = detour.action(course.trail, self._target(), seen, course.wanted, course.frame(-1))
                if way is None:
                    stopped, sent, frame = self._act(frame, clip[course.index], course, watch)
                    course.spend(sent)
                else:  # as long as it is: it does not count towards the frame's steps
                    stopped, sent, frame = self._lead(way, course, watch)
            except GateError as error:
                outcome, reason = "refused", str(error)
                break
            steps += sent
            if stopped:
                outcome = "stopped"
                break
        end, _ = gaps(self._look(frame), course.end)
        left = np.array(frames or [frame])
        return Followed(outcome, steps, end, left, reason, tuple(off), A_BLOCK, DIVERGED)

    def _target(self) -> NDArray[np.float64]:
        """The set point [2], metres."""
        return np.asarray(self._robot.get_observation()["effector_target_translation"], float)

    def _act(self, frame: Frame, goal: Frame, course: Course, watch: Watch) -> tuple[bool, int, Frame]:
        """Send the first actions of a chunk; returns whether to stop, how many were sent, the new picture."""
        actions = self._policy.actions(frame, goal, course.stays)[: self.config.execute]
        for count, action in enumerate(actions, 1):
            target = self._target()
            # The gate sees what the policy asks for, too: a fault must not be turned into a lawful step.
            lawful = self._gate.check(self._gate.keep_in(action, target), target)
            turned = self._shield.turn(lawful, target, self._look(frame), course.wanted, course.stays)
            sent, frame = send(self._robot, self._gate, turned)
            if watch(course.index, action, sent, frame):
                return True, count, frame
        return False, len(actions), frame

    def _lead(self, way: NDArray[np.float32], course: Course, watch: Watch) -> tuple[bool, int, Frame]:
        """Send one step of a way round; returns what `_act` does."""
        sent, frame = send(self._robot, self._gate, way)
        return watch(course.index, way, sent, frame), 1, frame
