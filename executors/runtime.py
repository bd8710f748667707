"""Following an imagined clip, frame by frame, on what the camera really shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from executors.detour import Detour, DetourConfig
from executors.deviation import Seen, gaps, left_alone, pushed_aside, went_astray
from executors.gate import Gate, GateError
from executors.robot import Robot
from executors.shield import Shield

Frame = NDArray[np.uint8]


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


@dataclass(frozen=True)
class FollowConfig:
    """When a frame of the clip counts as reached, and when to give up on it."""

    block_tolerance: float = 0.012
    """Metres that every block may be off an inner frame."""
    pusher_tolerance: float = 0.025
    final_tolerance: float = 0.005
    """Metres that every block may be off the last frame."""
    final_pusher_tolerance: float = 0.005
    steps_a_frame: int = 12
    """Control steps spent on one frame at most."""
    final_steps: int = 15
    lost_distance: float = 0.09
    """A block this far from where the clip has it, in metres, means that the clip is not what happens."""
    aside: float = 0.025
    """A block that the clip leaves where it was has been pushed aside when it went this far, metres."""
    astray: float = 0.035
    """A block that the clip moves has left its way when it is this far from all of it, metres."""
    stalled: float = 0.002
    """A pusher that went no further than this in `stalled_steps` won't come nearer to its frame, metres."""
    stalled_steps: int = 3
    execute: int = 1
    """Actions of a chunk that are sent before looking again."""


@dataclass(frozen=True)
class Followed:
    """What came of following a clip."""

    outcome: str
    """ "followed", "done" (what is wanted is seen), "parted" (real and imagined differ), "stopped" (by the
    caller) or "refused" (by the gate)."""
    steps: int
    """Control steps sent."""
    distance: float
    """Largest distance of a block from the clip's last frame at the end, metres."""
    seen: Frame
    """What the camera showed when each frame of the clip was left, uint8 [T', H, W, 3]."""
    reason: str = ""


Watch = Callable[[int, NDArray[np.float32], NDArray[np.float32], Frame], bool]
"""Called after each control step with (frame index, action, sent, picture); True stops."""


Finished = Callable[[NDArray[np.bool_], NDArray[np.float32]], bool]
"""Given presence [K] and places [K, 2] in metres, pusher last: whether the goal is reached."""


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
        self._gate = gate or Gate()
        self.config = config or FollowConfig()

    def _look(self, frame: Frame) -> Seen:
        present, where = self._places.places(frame[None])
        return present[0], where[0]

    def _reached(self, blocks: float, pusher: float, last: bool) -> bool:
        config = self.config
        if last:
            return blocks < config.final_tolerance and pusher < config.final_pusher_tolerance
        return blocks < config.block_tolerance and pusher < config.pusher_tolerance

    def _stalls(self, trail: Sequence[NDArray[np.float32]]) -> bool:
        steps = self.config.stalled_steps
        return len(trail) > steps and bool(
            np.linalg.norm(trail[-1] - trail[-1 - steps]) < self.config.stalled
        )

    def follow(self, clip: Frame, watch: Watch, finished: Finished | None = None) -> Followed:
        """Follow a clip uint8 [T, H, W, 3] until its last frame is reached, parted from, or stopped.

        `finished` looks at what is seen before every action; True ends the clip early, as "done".
        """
        config = self.config
        present, where = self._places.places(clip)
        frames: list[Frame] = []
        begun: Seen | None = None
        stays = np.zeros(present.shape[1], bool)
        index, spent, steps = 0, 0, 0
        trail: list[NDArray[np.float32]] = []
        detour = Detour(self._detour)
        outcome, reason = "followed", ""
        frame: Frame = self._robot.get_observation()["rgb"]
        while True:
            last = index == len(clip) - 1
            seen = self._look(frame)
            if finished is not None and finished(*seen):
                outcome = "done"
                break
            if begun is None:
                begun, stays = seen, left_alone(seen, (present, where))
            if pushed_aside(begun, seen, stays, config.aside):
                outcome, reason = "parted", "a block that the clip leaves alone was pushed aside"
                break
            if went_astray(begun, seen, (present, where), stays, config.astray):
                outcome, reason = "parted", "a block left the way that the clip has for it"
                break
            blocks, pusher = gaps(seen, (present[index] & ~stays, where[index]))
            most = config.final_steps if last else config.steps_a_frame
            trail.append(seen[1][-1])
            if self._reached(blocks, pusher, last) or spent >= most or self._stalls(trail):
                frames.append(frame)
                index, spent, trail = index + 1, 0, []
                if last:
                    break
                continue
            if blocks > config.lost_distance and spent > 8:
                outcome, reason = "parted", f"a block is {blocks:.3f} m from where the clip has it"
                break
            try:
                wanted = present[index], where[index]
                target = np.asarray(self._robot.get_observation()["effector_target_translation"])
                way = detour.action(trail, target, seen, wanted, (present[-1] & ~stays, where[-1]))
                if way is None:
                    stopped, sent, frame = self._act(frame, clip[index], wanted, stays, index, watch)
                else:
                    given, frame = send(self._robot, self._gate, way)
                    stopped, sent = watch(index, way, given, frame), 1
            except GateError as error:
                outcome, reason = "refused", str(error)
                break
            # A way round is as long as it is: it is not the frame's fault.
            steps, spent = steps + sent, spent + (sent if way is None else 0)
            if stopped:
                outcome = "stopped"
                break
        end, _ = gaps(self._look(frame), (present[-1], where[-1]))
        return Followed(outcome, steps, end, np.array(frames or [frame]), reason)

    def _act(
        self, frame: Frame, goal: Frame, wanted: Seen, stays: NDArray[np.bool_], index: int, watch: Watch
    ) -> tuple[bool, int, Frame]:
        """Send the first actions of a chunk; returns whether to stop, how many were sent, the new picture."""
        actions = self._policy.actions(frame, goal, stays)[: self.config.execute]
        for count, action in enumerate(actions, 1):
            target = self._robot.get_observation()["effector_target_translation"]
            # The gate sees what the policy asks for, too: a fault must not be turned into a lawful step.
            lawful = self._gate.check(self._gate.keep_in(action, target), target)
            turned = self._shield.turn(lawful, np.asarray(target), self._look(frame), wanted, stays)
            sent, frame = send(self._robot, self._gate, turned)
            if watch(index, action, sent, frame):
                return True, count, frame
        return False, len(actions), frame


def send(robot: Robot, gate: Gate, action: NDArray[np.float32]) -> tuple[NDArray[np.float32], Frame]:
    """One control step through the gate; what was really sent [2] in metres, and the new picture.

    Raises GateError for an action that may not be sent.
    """
    target = robot.get_observation()["effector_target_translation"]
    sent = robot.send_action(gate.check(gate.keep_in(action, target), target))
    return sent, robot.get_observation()["rgb"]
