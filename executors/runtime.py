"""Following an imagined clip, frame by frame, on what the camera really shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from executors.gate import Gate, GateError
from executors.robot import Robot

Frame = NDArray[np.uint8]


class Policy(Protocol):
    """Goal-conditioned inverse dynamics."""

    def actions(self, frame: Frame, goal_frame: Frame) -> NDArray[np.float32]:
        """Two frames uint8 [H, W, 3] to set-point changes float32 [k, 2], metres a step."""
        ...


class Places(Protocol):
    """Tells where things are in a frame."""

    def places(self, frames: Frame) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Frames uint8 [N, H, W, 3] to presence [N, K] and places [N, K, 2] in metres, pusher last."""
        ...


@dataclass(frozen=True)
class FollowConfig:
    """When a frame of the clip counts as reached, and when to give up on it."""

    block_tolerance: float = 0.012
    """Metres that every block may be off an inner frame."""
    pusher_tolerance: float = 0.025
    final_tolerance: float = 0.007
    """Metres that every block may be off the last frame."""
    steps_a_frame: int = 12
    """Control steps spent on one frame at most."""
    final_steps: int = 15
    lost_distance: float = 0.07
    """A block this far from where the clip has it, in metres, means that the clip is not what happens."""
    execute: int = 1
    """Actions of a chunk that are sent before looking again."""


@dataclass(frozen=True)
class Followed:
    """What came of following a clip."""

    outcome: str
    """ "followed", "parted" (real and imagined differ), "stopped" (by the caller) or "refused" (by the gate)."""
    steps: int
    """Control steps sent."""
    distance: float
    """Largest distance of a block from the clip's last frame at the end, metres."""
    seen: Frame
    """What the camera showed when each frame of the clip was left, uint8 [T', H, W, 3]."""
    reason: str = ""


Watch = Callable[[int, NDArray[np.float32], NDArray[np.float32], Frame], bool]
"""Called after each control step with (frame index, action, sent, picture); True stops."""


class Runtime:
    """Acts out clips on a robot: observe, choose the frame to reach, act through the gate, watch."""

    def __init__(
        self, robot: Robot, policy: Policy, places: Places, *, gate: Gate | None = None, config: FollowConfig | None = None
    ) -> None:
        self._robot, self._policy, self._places = robot, policy, places
        self._gate = gate or Gate()
        self.config = config or FollowConfig()

    def _gaps(self, frame: Frame, goal: tuple[NDArray[np.bool_], NDArray[np.float32]]) -> tuple[float, float]:
        """Largest block distance and pusher distance from a goal, metres."""
        there, where = self._places.places(frame[None])
        both = there[0, :-1] & goal[0][:-1]
        gaps = np.linalg.norm(where[0] - goal[1], axis=-1)
        return float(gaps[:-1][both].max(initial=0.0)), float(gaps[-1])

    def _reached(self, blocks: float, pusher: float, last: bool) -> bool:
        config = self.config
        if last:
            return blocks < config.final_tolerance
        return blocks < config.block_tolerance and pusher < config.pusher_tolerance

    def follow(self, clip: Frame, watch: Watch) -> Followed:
        """Follow a clip uint8 [T, H, W, 3] until its last frame is reached, parted from, or stopped."""
        config = self.config
        present, where = self._places.places(clip)
        seen: list[Frame] = []
        index, spent, steps = 0, 0, 0
        outcome, reason = "followed", ""
        frame: Frame = self._robot.get_observation()["rgb"]
        while True:
            last = index == len(clip) - 1
            blocks, pusher = self._gaps(frame, (present[index], where[index]))
            if self._reached(blocks, pusher, last) or spent >= (config.final_steps if last else config.steps_a_frame):
                seen.append(frame)
                index, spent = index + 1, 0
                if last:
                    break
                continue
            if blocks > config.lost_distance and spent > 6:
                outcome, reason = "parted", f"a block is {blocks:.3f} m from where the clip has it"
                break
            try:
                stopped, sent, frame = self._act(frame, clip[index], index, watch)
            except GateError as error:
                outcome, reason = "refused", str(error)
                break
            steps, spent = steps + sent, spent + sent
            if stopped:
                outcome = "stopped"
                break
        end, _ = self._gaps(frame, (present[-1], where[-1]))
        return Followed(outcome, steps, end, np.array(seen or [frame]), reason)

    def _act(self, frame: Frame, goal: Frame, index: int, watch: Watch) -> tuple[bool, int, Frame]:
        """Send the first actions of a chunk; returns whether to stop, how many were sent, the new picture."""
        actions = self._policy.actions(frame, goal)[: self.config.execute]
        for count, action in enumerate(actions, 1):
            target = self._robot.get_observation()["effector_target_translation"]
            sent = self._robot.send_action(self._gate.check(action, target))
            frame = self._robot.get_observation()["rgb"]
            if watch(index, action, sent, frame):
                return True, count, frame
        return False, len(actions), frame
