"""Follows imagined clips on the arm, closed loop, through the gate."""

from __future__ import annotations

import numpy as np

from executors.follow.follower import Finished, Followed, Frame, Watch, send
from executors.metaworld.robot import LIMITS, to_delta
from executors.metaworld.ways import MakeWay
from executors.robot import Robot
from executors.safety.gate import Gate, GateConfig, GateError


class SawyerFollower:
    """See executors.follow.follower.Follower.

    Args:
        robot: the arm.
        way: along a clip.
    """

    def __init__(self, robot: Robot, way: MakeWay) -> None:
        self._robot, self._make = robot, way
        self._gate = Gate(GateConfig(LIMITS))

    def follow(
        self, clip: Frame, watch: Watch, finished: Finished | None = None, *, words: str = ""
    ) -> Followed:
        """Act out a clip uint8 [T, H, W, 3]. Nobody measures metres in a picture here: `distance` is how far
        the last picture is from the clip's, on average, as a share of full brightness."""
        way = self._make(clip)
        seen: list[Frame] = []
        steps, outcome, reason = 0, "followed", ""
        frame = self._frame()
        try:
            while (action := way.action(frame)) is not None:
                if finished is not None and finished():
                    outcome = "done"
                    break
                target = np.asarray(self._robot.get_observation()["effector_target_translation"])
                delta = self._gate.slow(to_delta(action, target))
                sent, frame = send(self._robot, self._gate, delta)
                steps += 1
                self._keep(seen, way.passed, frame)
                if watch(max(0, way.passed - 1), delta, sent, frame):
                    outcome = "stopped"
                    break
        except GateError as error:
            outcome, reason, frame = "refused", str(error), self._frame()
        off = float(np.abs(frame.astype(np.int16) - clip[-1]).mean() / 255)
        reason = reason or f"the picture is {off:.1%} of full brightness from the imagined one"
        return Followed(outcome, steps, off, np.stack(seen or [frame]), reason, moves="the picture")

    @staticmethod
    def _keep(seen: list[Frame], passed: int, frame: Frame) -> None:
        """The last picture for each frame of the clip."""
        del seen[max(0, passed - 1) :]
        seen.append(frame)

    def _frame(self) -> Frame:
        return np.asarray(self._robot.get_observation()["rgb"])
