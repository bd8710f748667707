"""One instruction of the SDK: its run folder, its kept state, and the loop on the robot."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from executors.gate import GateError
from executors.robot import Observation, Robot
from executors.wrapped import WrappedRobot
from planner import Search
from tasks.grammar import UnknownInstruction
from tasks.rules import UnknownRule, read_rules
from vlp.agent import Agent
from vlp.approval import Answer
from vlp.build import Parts
from vlp.durable.keeping import Keeping
from vlp.durable.names import FILE
from vlp.durable.store import Store
from vlp.errors import HeldError, InstructionError, ModelError, NoPlanError
from vlp.events import Events
from vlp.looping import Ask
from vlp.outcomes import not_sure
from vlp.runfolder import RunFolder
from vlp.saved_plan import Approval, SavedPlan
from vlp.settings import Settings

OVER: Final = ("done", "complete")
"""How a run ends whose goal is reached."""


class Once:
    """Gives one answer, and none to what comes after."""

    def __init__(self, answer: Answer) -> None:
        self._answer: Answer | None = answer

    def __call__(self, decision: int, found: Search) -> Answer | None:
        answer, self._answer = self._answer, None
        return answer


class Says(Once):
    """Approves one plan and, where that was said, those that follow from it."""

    def __init__(self, approval: Approval) -> None:
        super().__init__(Answer.approve(approval.by))
        self._replan, self._by = approval.replan, approval.by

    def __call__(self, decision: int, found: Search) -> Answer | None:
        first = super().__call__(decision, found)
        return Answer.approve(self._by) if first is None and self._replan == "auto" else first


class Run:
    """One instruction: its folder, its kept state, and the loop on the agent's robot."""

    def __init__(
        self,
        instruction: str,
        robot: Robot,
        observation: Observation | None,
        *,
        parts: Parts,
        settings: Settings,
        rules: Sequence[str],
        root: Path,
    ) -> None:
        self.instruction, self._stack = instruction, ExitStack()
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{time.monotonic_ns() % 1_000_000:06d}"
        self.folder = self._stack.enter_context(RunFolder.create(root.absolute(), name))
        store = self._stack.enter_context(Store(self.folder.path / FILE))
        self.events = Events()
        self.events.subscribe(self.folder.record)
        self._shown = _Shown(robot, observation)
        keeping = Keeping(store)
        kept = keeping.robot(self._shown)
        kept.connect()
        seen = parts.probe.blocks(np.asarray(kept.get_observation()["rgb"]))
        try:
            read = read_rules(rules, sorted(seen))
        except UnknownRule as error:
            raise InstructionError(f"rule: {error}") from error
        self._loop = Agent(parts, kept, settings, events=self.events, folder=self.folder,
                           approve="ask", keeping=keeping, rules=read)  # fmt: skip
        self._least = settings.min_confidence
        self._result: dict[str, Any] = {}

    @property
    def decision(self) -> int:
        """Of the plan that waits; 0 for none."""
        return 0 if self._loop.waits is None else self._loop.waits.decision

    def look_again(self) -> None:
        """See the robot as it is, not a given observation."""
        self._shown.observation = None

    def go(self, ask: Ask | None) -> dict[str, Any]:
        """Go on until a plan waits or the run is over; what stands in result.json."""
        try:
            self._result = self._loop.run(self.instruction, ask)
        except UnknownInstruction as error:
            raise InstructionError(str(error)) from error
        failure = self._loop.failure
        if isinstance(failure, ModelError):
            raise failure
        if failure is not None:
            raise HeldError(f"{failure}; nothing was sent since")
        return {**self._result, "folder": str(self.folder.path)}

    def saved(self) -> SavedPlan:
        """The plan that waits. Raises NoPlanError."""
        if (waits := self._loop.waits) is None:
            reason = self._result["reason"]
            raise NoPlanError(f"{'nothing to plan' if reason in OVER else 'no plan'}: {reason}")
        if why := not_sure(waits.found, self._least):
            raise NoPlanError(why)
        return SavedPlan.load(self.folder.path, waits.decision, waits.digest)

    def close(self) -> None:
        """Complete the run's folder."""
        if self._result:
            waits = self._loop.waits is not None
            self.folder.finish({"status": "waiting" if waits else "finished", **self._result})
        self._stack.close()


class _Shown(WrappedRobot):
    """A robot that is seen as in a given observation, and does not move meanwhile."""

    def __init__(self, robot: Robot, observation: Observation | None) -> None:
        super().__init__(robot)
        self.observation = observation

    def get_observation(self) -> Observation:
        """The one that was given, else the robot's."""
        return super().get_observation() if self.observation is None else self.observation

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """See Robot. Raises GateError while it is only shown."""
        if self.observation is not None:
            raise GateError("expected a robot that is looked at, got a given observation; nothing was sent")
        return super().send_action(action)
