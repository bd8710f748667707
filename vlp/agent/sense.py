"""Sensing and moving: what is seen, whether it is done, and each step on the robot."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from executors.robot import Robot
from executors.safety.gate import GateError
from tasks.domain import Goal, Stepwise
from vlp.agent.parts import Parts
from vlp.errors import ModelError
from vlp.events.types import Acted, Events, Judged
from vlp.record.folder import RunFolder
from vlp.settings import Settings

HOLD: Final = 12
"""Control steps that a goal is held once it is seen to be reached, a little over a second."""
MAX_FRUITLESS: Final = 20
"""Decisions without a plan, or with one that moved nothing, in a row before the agent gives up."""
MAX_DOUBTS: Final = 3
"""Times that a VLM may say "not done" of a board on which the goal's rule holds; then the rule counts."""

_CLOSELY: Final = {
    True: "a closer look shows it reached",
    False: "it seems reached, but a closer look is not sure either",
}

Judge = Literal["camera", "simulator"]
"""Whose word it is that a goal is reached."""


class Acting:
    """Looks at one robot and moves it towards one goal."""

    def __init__(
        self, parts: Parts, robot: Robot, settings: Settings, *, events: Events, folder: RunFolder
    ) -> None:
        self.parts, self.robot, self.settings = parts, robot, settings
        self.events, self.folder = events, folder
        self._goal: Goal | None = None
        self._steps = self._doubts = self._idle = 0
        self._scored = False
        """Whether the robot keeps score of this goal."""

    @property
    def _goal_step(self) -> int:
        """Which step of the goal is worked at, from 0; 0 where it has none."""
        return self._goal.step if isinstance(self._goal, Stepwise) else 0

    @property
    def _text(self) -> str:
        assert self._goal is not None
        return self._goal.text

    def _frame(self) -> NDArray[np.uint8]:
        return np.asarray(self.robot.get_observation()["rgb"])

    def _info(self) -> dict[str, Any]:
        return dict(self.robot.info)

    def _keeps_score(self) -> bool:
        """Whether the robot's score and verdict are of this goal on this board: another run's, or none's, say
        nothing of it, nor do those of a push whose numbers were fixed before this run began."""
        info = self._info()
        same = info.get("goal", self._text) == self._text and "best" in info
        early = self._goal is not None and self._goal.relative and info.get("steps", 0) > self._steps
        return same and not early

    @property
    def _judge(self) -> Judge:
        return "simulator" if self._scored else "camera"

    def _score(self) -> float | None:
        """The best so far, 0..1; None where nobody keeps score of this goal."""
        return float(self._info()["best"]) if self._scored else None

    def _ended(self) -> str:
        """Why the episode is over, or nothing."""
        if self._scored and self.robot.terminated:
            return "complete"
        if self.robot.truncated or self._steps >= self.settings.max_control_steps:
            return "out of control steps"
        if self._idle >= MAX_FRUITLESS:
            return f"no plan moved anything, {self._idle} times in a row; nothing more is tried"
        return ""

    def _seen_done(self, *, surely: bool = True) -> bool:
        """Whether the camera shows the goal reached, see `tasks.domain.Sight.reached`."""
        assert self._goal is not None
        return self.parts.sight.reached(self._goal, self.robot.get_observation(), surely=surely)

    def _surely_done(self) -> bool:
        """Whether the camera shows the goal reached, at a glance or where one looks closer."""
        return self._seen_done() or self._closely_done()

    def _closely_done(self) -> bool:
        """Whether a goal that seems reached is, on a closer look; said as an event."""
        assert self._goal is not None
        done = self.parts.sight.look_closer(self._goal, self.robot.get_observation())
        if done is None:
            return False
        self.events.emit(Judged(time=self.events.now(), reached=done, why=_CLOSELY[done]))
        return done

    def _hold(self) -> bool:
        """Stand still for a second; True when the goal is still seen to be reached."""
        still = np.zeros(self.parts.limits.size, np.float32)
        for _ in range(HOLD):
            if self._ended():
                return True
            try:
                sent = self.robot.send_action(still)
            except GateError:  # what may not even stand still is not done
                return False
            self._watch_step(0, still, sent, self._frame())
        return self._surely_done()

    def _confirmed(self) -> bool:
        """Whether a goal that seems reached is: surely, or the VLM, where one is asked, agrees, or has
        doubted too often."""
        if self.parts.success is None or self._ended() or self._doubts >= MAX_DOUBTS:
            return True
        try:
            found = self.parts.success.success(self._frame(), self._text)
        except ModelError as error:  # it has no say then
            self.events.emit(Judged(time=self.events.now(), reached=True, why=f"by the rule alone: {error}"))
            return True
        self.events.emit(Judged(time=self.events.now(), reached=found.reached, why=found.why))
        if found.reached or self._surely_done():  # what is surely done is not pushed about
            return True
        self._doubts += 1
        return False

    def _watch_step(
        self, index: int, action: NDArray[np.float32], sent: NDArray[np.float32], frame: NDArray[np.uint8]
    ) -> bool:
        """Count, record and tell one control step; True when the episode is over."""
        self._steps += 1
        number = self.folder.add_frame(frame, self.robot.view)
        self.events.emit(
            Acted(
                time=self.events.now(),
                control_step=self._steps,
                action=tuple(map(float, action)),
                sent=tuple(map(float, sent)),
                frame_index=number,
            )
        )
        return bool(self._ended())

    def _steps_to_go(self, frame: NDArray[np.uint8]) -> float:
        """As the value sees a frame uint8 [H, W, 3], control steps."""
        try:
            return float(self.parts.value.steps_to_go(frame[None], self._text).mean[0])
        except ModelError:  # it is only told: the next search says what is wrong
            return float("nan")
