"""Robot under standing rules: it does nothing against an operator's rules, whoever drives it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from executors.robot import Robot
from executors.safety.gate import GateError
from executors.tabletop.rule_gate import RuleGate
from executors.tabletop.runtime import Places
from executors.wrapped import WrappedRobot
from tasks.tabletop.rules import BoardRules

GENTLER: Final = ((0.5, 0), (0.25, 0), (0.5, 30), (0.5, -30), (0.5, 60), (0.5, -60), (0.1, 0))
"""Shares of a step that is refused, and degrees by which it is turned, in the order in which they are tried:
a slower pusher strays less, so it may come nearer to what is to stay, and a turned one passes it."""


LEAST: Final = 0.002
"""Metres; a shorter step is not tried otherwise."""


class RuledRobot(WrappedRobot):
    """Slows every step to what the rules allow; one that could break a rule is made gentler, or else refused.

    Args:
        robot: the one inside.
        rules: the operator's.
        places: sees where the blocks are; the rules are held as well as it sees.
    """

    def __init__(self, robot: Robot, rules: BoardRules, places: Places) -> None:
        super().__init__(robot)
        self._gate, self._places = RuleGate(rules), places

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """Send a set-point change [2] in metres, slowed or turned where it has to be; what was really sent.
        Raises GateError, with the rule, for a step that could break one however it is made: nothing was
        sent then."""
        seen = self.robot.get_observation()
        present, where = self._places.places(np.asarray(seen["rgb"])[None])
        target = seen["effector_target_translation"]
        slowed = self._gate.slowed(action)
        reason = self._gate.check(slowed, target, present[0], where[0])
        if reason is None:
            return super().send_action(slowed)
        for gentler in _gentler(slowed):
            if self._gate.check(gentler, target, present[0], where[0]) is None:
                return super().send_action(gentler)
        raise GateError(f"{reason}; nothing was sent")


def _gentler(action: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Steps [2] to try instead of one that is refused; none for one that is hardly a step."""
    if not np.isfinite(action).all() or np.linalg.norm(action) < LEAST:
        return
    for share, degrees in GENTLER:
        sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
        x, y = share * np.asarray(action, float)
        yield np.array([cosine * x - sine * y, sine * x + cosine * y], np.float32)
