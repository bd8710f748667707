"""A robot that does nothing against an operator's standing rules, whoever drives it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from executors.gate import GateError
from executors.robot import Robot
from executors.rule_gate import RuleGate
from executors.wrapped import WrappedRobot
from tasks.rules import Rules


class Places(Protocol):
    """Tells where things are in a frame."""

    def places(self, frames: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Frames uint8 [N, H, W, 3] to presence [N, K] and places [N, K, 2] in metres, pusher last."""
        ...


class RuledRobot(WrappedRobot):
    """Slows every step to what the rules allow, and refuses those that could break one.

    Args:
        robot: the one inside.
        rules: the operator's.
        places: sees where the blocks are; the rules are held as well as it sees.
    """

    def __init__(self, robot: Robot, rules: Rules, places: Places) -> None:
        super().__init__(robot)
        self._gate, self._places = RuleGate(rules), places

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """Send a set-point change [2] in metres, slowed; what was really sent. Raises GateError, with the
        rule, for a step that could break one: nothing was sent then."""
        seen = self.robot.get_observation()
        present, where = self._places.places(np.asarray(seen["rgb"])[None])
        slowed = self._gate.slowed(action)
        reason = self._gate.check(slowed, seen["effector_target_translation"], present[0], where[0])
        if reason is not None:
            raise GateError(f"{reason}; nothing was sent")
        return super().send_action(slowed)
