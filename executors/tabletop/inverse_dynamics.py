"""Inverse dynamics, open loop: actions are read off the clip. What following is compared to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from executors.follow.follower import Finished, Followed, Frame, Watch, send
from executors.robot import Robot
from executors.safety.gate import Gate, GateConfig, GateError
from executors.tabletop.deviation import gaps
from executors.tabletop.runtime import A_BLOCK, Places
from tasks.tabletop.world.limits import LIMITS


class InverseDynamics:
    """Repeats the pusher's motion between the frames of a clip, whatever becomes of the blocks.

    As UniPi (Du et al., 2023) it takes each action from two imagined frames; where UniPi learns that, this
    reads off where the pose probe sees the pusher.

    Args:
        stride: control steps between two frames of a clip, and between its start and the first.
    """

    def __init__(self, robot: Robot, places: Places, *, stride: int, gate: Gate | None = None) -> None:
        self._robot, self._places, self._stride = robot, places, stride
        self._gate = gate or Gate(GateConfig(LIMITS))

    def actions(self, start: Frame, clip: Frame) -> NDArray[np.float32]:
        """Set-point changes float32 [T * stride, 2], metres, for a clip uint8 [T, H, W, 3] from a real frame
        uint8 [H, W, 3]. Where the pusher is not seen it is taken to stay."""
        present, where = self._places.places(np.concatenate([start[None], clip]))
        way = [where[0, -1]]
        for seen, place in zip(present[1:, -1], where[1:, -1], strict=True):
            way.append(place if seen else way[-1])
        return np.repeat(np.diff(way, axis=0) / self._stride, self._stride, axis=0).astype(np.float32)

    def follow(
        self, clip: Frame, watch: Watch, finished: Finished | None = None, *, words: str = ""
    ) -> Followed:
        """Act out a clip uint8 [T, H, W, 3] to its end, or until it is stopped. What is seen is used only by
        `finished`, before every action: True ends the clip early, as "done"."""
        frame: Frame = self._robot.get_observation()["rgb"]
        left: list[Frame] = []
        steps, outcome, reason = 0, "followed", ""
        for action in self.actions(frame, clip):
            if finished is not None and finished():
                outcome = "done"
                break
            try:
                sent, frame = send(self._robot, self._gate, action)
            except GateError as error:
                outcome, reason = "refused", str(error)
                break
            index, steps = steps // self._stride, steps + 1
            if steps % self._stride == 0:
                left.append(frame)
            if watch(index, action, sent, frame):
                outcome = "stopped"
                break
        end, _ = gaps(self._look(frame), self._look(clip[-1]))
        return Followed(outcome, steps, end, np.array(left or [frame]), reason, moves=A_BLOCK)

    def _look(self, frame: Frame) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        present, where = self._places.places(frame[None])
        return present[0], where[0]
