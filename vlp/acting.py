"""The part of the agent that looks at the robot and moves it: what is seen, whether it is done, each step."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from executors.gate import GateError
from executors.robot import Robot
from tasks.goal import Goal, LongGoal, PushGoal
from vlp.build import Parts
from vlp.errors import ModelError
from vlp.events import Acted, Events, Judged
from vlp.runfolder import RunFolder
from vlp.settings import Settings
from vlp.sight import CLOSELY, SURE, reached

HOLD: Final = 12
"""Control steps that a goal is held once it is seen to be reached, a little over a second."""
MAX_FRUITLESS: Final = 20
"""Decisions without a plan, or with one that moved nothing, in a row before the agent gives up."""
MAX_DOUBTS: Final = 3
"""Times that a VLM may say "not done" of a board on which the goal's rule holds; then the rule counts."""

_CLOSELY: Final = {
    True: f"a closer look shows it reached, each block to {CLOSELY * 1000:.0f} mm",
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
    def _text(self) -> str:
        assert self._goal is not None
        return self._goal.text

    def _frame(self) -> NDArray[np.uint8]:
        return np.asarray(self.robot.get_observation()["rgb"])

    def _info(self) -> dict[str, Any]:
        return dict(getattr(self.robot, "info", {}))

    def _keeps_score(self) -> bool:
        """Whether the robot's score and verdict are of this goal on this board: another run's, or none's, say
        nothing of it, nor do those of a push whose numbers were fixed before this run began."""
        info = self._info()
        same = info.get("goal", self._text) == self._text and "best" in info
        return same and not (isinstance(self._goal, PushGoal) and info.get("steps", 0) > self._steps)

    @property
    def _judge(self) -> Judge:
        return "simulator" if self._scored else "camera"

    def _score(self) -> float | None:
        """The best so far, 0..1; None where nobody keeps score of this goal."""
        return float(self._info()["best"]) if self._scored else None

    def _ended(self) -> str:
        """Why the episode is over, or nothing."""
        if self._scored and getattr(self.robot, "terminated", False):
            return "complete"
        if getattr(self.robot, "truncated", False) or self._steps >= self.settings.max_control_steps:
            return "out of control steps"
        if self._idle >= MAX_FRUITLESS:
            return f"no plan moved anything, {self._idle} times in a row; nothing more is tried"
        return ""

    def _finished(self, present: NDArray[np.bool_], where: NDArray[np.float32], sure: float = SURE) -> bool:
        """Whether the goal is seen reached, see `vlp.sight.reached`."""
        assert self._goal is not None
        target = self.robot.get_observation()["effector_target_translation"]
        return reached(self._goal, present, where, target, sure=sure)

    def _seen_done(self, frame: NDArray[np.uint8], sure: float = SURE) -> bool:
        """Whether the camera shows the goal reached."""
        present, where = self.parts.probe.places(frame[None])
        return self._finished(present[0], where[0], sure)

    def _surely_done(self, frame: NDArray[np.uint8]) -> bool:
        """Whether the camera shows the goal reached, at a glance or where one looks closer. Blocks that stand
        as near to each other as a line allows are never surely apart at a glance, and nobody pushes them any
        further apart: without the closer look a finished line is pushed about until it is none."""
        return self._seen_done(frame) or self._closely_done(frame)

    def _closely_done(self, frame: NDArray[np.uint8]) -> bool:
        """Whether a goal that seems reached is, see `vlp.closer`; said as an event."""
        closer, goal = self.parts.closer, self._goal
        if closer is None or not isinstance(goal, LongGoal):
            return False
        present, where = self.parts.probe.places(frame[None])
        if not self._finished(present[0], where[0], sure=0.0):
            return False
        found, target = closer.places(frame), where[0, -1]
        done = found is not None and reached(goal, *found, target, sure=CLOSELY, hidden=1.0)
        self.events.emit(Judged(time=self.events.now(), reached=done, why=_CLOSELY[done]))
        return done

    def _hold(self) -> bool:
        """Stand still for a second; True when the goal is still seen to be reached."""
        still = np.zeros(2, np.float32)
        for _ in range(HOLD):
            if self._ended():
                return True
            try:
                sent = self.robot.send_action(still)
            except GateError:  # what may not even stand still is not done
                return False
            self._watch_step(0, still, sent, self._frame())
        return self._surely_done(self._frame())

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
        if found.reached or self._surely_done(self._frame()):  # what is surely done is not pushed about
            return True
        self._doubts += 1
        return False

    def _watch_step(
        self, index: int, action: NDArray[np.float32], sent: NDArray[np.float32], frame: NDArray[np.uint8]
    ) -> bool:
        """Count, record and tell one control step; True when the episode is over."""
        self._steps += 1
        number = self.folder.add_frame(frame, getattr(self.robot, "view", None))
        self.events.emit(
            Acted(
                time=self.events.now(),
                control_step=self._steps,
                action=(float(action[0]), float(action[1])),
                sent=(float(sent[0]), float(sent[1])),
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
