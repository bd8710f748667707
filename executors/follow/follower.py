"""Following an imagined clip: what came of it, and each step through the gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from executors.robot import Robot
from executors.safety.gate import Gate

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Followed:
    """What came of following a clip."""

    outcome: str
    """ "followed", "done" (what is wanted is seen), "over" (the subgoal is, before its clip), "parted" (real
    and imagined differ), "stalled" (nothing moves), "stopped" (by the caller) or "refused" (by the gate)."""
    steps: int
    """Control steps sent."""
    distance: float
    """How far what is seen at the end is from the clip's last frame, metres (or see `shares`)."""
    seen: Frame
    """What the camera showed when each frame of the clip was left, uint8 [T', H, W, 3]."""
    reason: str = ""
    off: tuple[float, ...] = ()
    """How far what moves was from each of those frames of the clip, as `distance`, [T']; empty where not
    told."""
    moves: str = "what moves"
    """What that is, in words."""
    near: float = 0.02
    """How far, as `distance`, it may be from where a frame has it."""
    shares: bool = False
    """Whether all of these distances are shares (0..1) of a picture's pixels instead of metres."""

    def came_about(self, near: float) -> bool:
        """Whether what the clip is of has happened: its subgoal is over, or its end is as near as that."""
        return self.outcome == "over" or (self.outcome == "followed" and self.distance < near)

    @property
    def apart(self) -> str:
        """How far it is from what was imagined, in words."""
        if self.shares:
            return f"{self.distance:.1%} of {self.moves} differs from what was imagined"
        return f"{self.moves} is {self.distance:.3f} m from where it was imagined"

    @property
    def diverged(self) -> int | None:
        """The first frame (1, 2, ...) in which what was seen is not what the clip shows."""
        return next((number for number, far in enumerate(self.off, 1) if far > self.near), None)


Watch = Callable[[int, NDArray[np.float32], NDArray[np.float32], Frame], bool]
"""Called after each control step with (frame index, action, sent, picture); True stops."""


Finished = Callable[[], bool]
"""Whether the goal is seen reached now."""


class Follower(Protocol):
    """Acts out clips on a robot."""

    def follow(
        self, clip: Frame, watch: Watch, finished: Finished | None = None, *, words: str = ""
    ) -> Followed:
        """Act out a clip uint8 [T, H, W, 3] until its last frame is reached, parted from, or stopped.

        `finished` is asked before every action; True ends the clip early, as "done". `words` are the subgoal
        that the clip was imagined for, for followers that heed them.
        """
        ...


def send(robot: Robot, gate: Gate, action: NDArray[np.float32]) -> tuple[NDArray[np.float32], Frame]:
    """One control step through the gate; what was really sent [A] in metres, and the new picture.

    Raises GateError for an action that may not be sent.
    """
    target = robot.get_observation()["effector_target_translation"]
    sent = robot.send_action(gate.check(gate.keep_in(action, target), target))
    return sent, robot.get_observation()["rgb"]
