"""Ends of an episode: what ends it, and what the simulator would have said of it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from executors.robot import Driver
from executors.wrapped import UnscoredRobot
from vlp.bench.line import Line

DONE = "done"
"""How an episode ends whose goal the agent takes for reached."""


class ScoringRobot(Driver, Protocol):
    """A robot that says how well it goes, as a simulated one."""

    @property
    def info(self) -> dict[str, Any]:
        """Among others `score`, the goal's reward now, 0..1, and `best`, the highest so far."""
        ...

    @property
    def terminated(self) -> bool:
        """Whether the goal is reached."""
        ...


class ObservedRobot(UnscoredRobot):
    """A simulated robot that tells the agent nothing, and whoever measures when its verdict came.

    Until then an episode goes the same way, step by step, as one that this verdict ends: the agent sees
    pictures and places only. So one episode gives both figures.
    """

    def __init__(self, robot: ScoringRobot) -> None:
        super().__init__(robot)
        self._simulator, self._steps = robot, 0
        self._completed: int | None = None

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """See Robot."""
        sent = super().send_action(action)
        self._steps += 1
        if self._completed is None and self._simulator.terminated:
            self._completed = self._steps
        return sent

    def measured(self, reason: str) -> Line:
        """What came of an episode that ended for this reason.

        `complete`: the agent took its goal for reached, and it was; `score`: the goal's reward where it
        stopped; `best`: the highest on the way; `lost`: what is out of reach for good, where the world tells:
        without it a goal may look complete; `simulator`: what an episode that the simulator's verdict ends
        would have told, its score the highest on the way.
        """
        now, best = (float(self._simulator.info[name]) for name in ("score", "best"))
        verdict = self._completed is not None
        steps = self._completed if self._completed is not None else self._steps
        lost = self._simulator.info.get("lost")
        return {
            "score": now,
            "complete": reason == DONE and now >= 1.0,
            "best": best,
            **({} if lost is None else {"lost": list(lost)}),
            "simulator": {"score": best, "complete": verdict, "control_steps": steps},
        }
