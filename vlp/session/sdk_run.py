"""Run of one instruction of the SDK: its run folder, its kept state, and the loop on the robot."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from executors.robot import Driver, Observation, Robot
from executors.safety.gate import GateError
from executors.wrapped import WrappedRobot
from planner import Frames, Search
from tasks.domain import Sight, UnknownInstruction, readings_of
from vlp.agent.agent import AgentLoop
from vlp.agent.ambiguity import not_sure
from vlp.agent.approval import Answer
from vlp.agent.graph import Ask
from vlp.agent.parts import Parts
from vlp.agent.watcher import Onlooker
from vlp.domains.base import Domain
from vlp.durable.event_log import NAME, told
from vlp.durable.journal import Journal
from vlp.durable.keeping import Keeping
from vlp.durable.names import FILE, ROBOT
from vlp.durable.store import Store
from vlp.durable.verifying import check_kept
from vlp.errors import FolderError, HeldError, InstructionError, ModelError, NoPlanError, StateError
from vlp.events.types import Events
from vlp.record.folder import RunFolder, RunFolderError
from vlp.record.plan import CHANGED, Approval, SavedPlan, changed
from vlp.session.asked import AskedPlans, instruction
from vlp.session.ending import check_not_over
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
    """Approves one plan and, where that was said, those that follow from it.

    Args:
        waits: whether that plan waits for an answer; one that is under way had it.
        least: expected success (0..1) below which none that follows is approved.
    """

    def __init__(self, approval: Approval, *, waits: bool = True, least: float | None = None) -> None:
        super().__init__(Answer.approve(approval.by))
        self._replan, self._by, self._least = approval.replan, approval.by, least
        if not waits:
            self._answer = None

    def __call__(self, decision: int, found: Search) -> Answer | None:
        first = super().__call__(decision, found)
        if first is not None or self._replan != "auto" or not_sure(found, self._least):
            return first
        return Answer.approve(self._by)


class SdkRun:
    """One instruction: its folder, its kept state, and the loop on the agent's robot; begun or resumed."""

    def __init__(
        self,
        instruction: str,
        robot: Robot,
        folder: RunFolder,
        keeping: Keeping,
        *,
        world: Domain,
        parts: Parts,
        settings: Settings,
        rules: Sequence[str],
        since: float = 0.0,
        onlooker: Onlooker | None = None,
    ) -> None:
        self.instruction, self.folder, self._stack = instruction, folder, ExitStack()
        self.events = Events(since)
        self.events.subscribe(folder.record)
        if onlooker is not None:
            self.events.subscribe(onlooker)
        kept = keeping.robot(robot)
        kept.connect()
        # Rules are about the robot's board, whatever picture a plan is to begin with.
        real = robot.robot if isinstance(robot, _Shown) else robot
        seen = {name for one in (kept, real) for name in parts.sight.scene(_picture(one))}
        parts = world.under_rules(parts, world.read_rules(rules, sorted(seen)))
        self._world, self._names = world, seen
        self._loop = AgentLoop(parts, kept, settings, events=self.events, folder=folder, live=onlooker,
                           approve="ask", keeping=keeping)  # fmt: skip
        self._least = settings.min_confidence
        self._result: dict[str, Any] = {}
        self._shown: _Shown | None = None
        self.under_way = False
        """Whether its plan was approved, and broken off."""

    @classmethod
    def begin(
        cls,
        instruction: str,
        robot: Robot,
        observation: Observation | None,
        *,
        world: Domain,
        parts: Parts,
        settings: Settings,
        rules: Sequence[str],
        root: Path,
        onlooker: Onlooker | None = None,
    ) -> Self:
        """A new one, on what is seen or on a given observation."""
        shown = _Shown(robot, observation)
        with ExitStack() as stack:
            folder = stack.enter_context(RunFolder.new(root.absolute()))
            # The robot's stop is found from the run's folder, too, by vlp stop and the console.
            (folder.path / ROBOT).symlink_to(Path("..") / ROBOT, target_is_directory=True)
            store = stack.enter_context(Store(folder.path / FILE))
            AskedPlans(instruction, tuple(rules), settings.as_dict(), parts.hashes).keep(store)
            run = cls(
                instruction, shown, folder, Keeping(store),
                world=world, parts=parts, settings=settings, rules=rules, onlooker=onlooker,
            )  # fmt: skip
            run._shown = shown
            run._stack = stack.pop_all()
        return run

    @classmethod
    def resume(
        cls,
        path: Path,
        robot: Robot,
        *,
        world: Domain,
        parts: Parts,
        settings: Settings,
        rules: Sequence[str],
        onlooker: Onlooker | None = None,
    ) -> Self:
        """One that another process left, brought to where its plan waits, or is under way; nothing moves.
        Raises FolderError and StateError."""
        if not (path / FILE).is_file():
            raise FolderError(f"run folder: expected one of vlp.Agent, got {str(path)!r}; name such a folder")
        with ExitStack() as stack:
            store = stack.enter_context(Store(path / FILE, fresh=False))
            AskedPlans("", tuple(rules), settings.as_dict(), parts.hashes).check(store)
            check_not_over(path)
            folder, keeping = stack.enter_context(_reopened(path)), Keeping(store, resumed=True)
            check_kept(path, store, keeping)
            _, since = told(path / NAME)
            run = cls(
                instruction(store), _as_left(robot, Journal(store), parts.sight), folder, keeping,
                world=world, parts=parts, settings=settings, rules=rules, since=since, onlooker=onlooker,
            )  # fmt: skip
            if not _shows(robot, Journal(store), parts.sight):
                raise StateError("state: expected the board as it was left, got another; plan anew")
            run._loop.waits = run._loop.under_way()
            run.under_way = run._loop.waits is not None
            run._stack = stack.pop_all()
        return run

    def is_at(self, plan: SavedPlan) -> bool:
        """Whether this is the plan that waits, or is under way."""
        waits = self._loop.waits
        return waits is not None and (self.folder.path, waits.decision, waits.digest) == (
            plan.path, plan.decision, plan.digest,
        )  # fmt: skip

    def says(self, approval: Approval) -> Says:
        """The answers that an approval gives."""
        return Says(approval, waits=not self.under_way, least=self._least)

    def look_again(self) -> None:
        """See the robot as it is, not a given observation."""
        if self._shown is not None:
            self._shown.observation = None

    def go(self, ask: Ask | None) -> dict[str, Any]:
        """Go on until a plan waits or the run is over; what stands in result.json."""
        self.under_way = False
        try:
            self._result = self._loop.run(self.instruction, ask)
        except UnknownInstruction as error:
            refusal = self._world.refusal(error, self._names)
            raise InstructionError(refusal, readings_of(error)) from error
        failure = self._loop.failure
        if isinstance(failure, ModelError):
            raise failure
        if failure is not None:
            raise HeldError(f"{failure}; nothing was sent since")
        return {**self._result, "folder": str(self.folder.path)}

    @property
    def waits(self) -> bool:
        """Whether a plan does."""
        return self._loop.waits is not None

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
            waits, held = self._loop.waits is not None, self._loop.failure is not None
            status = "held" if held else "waiting" if waits else "finished"
            self.folder.finish({"status": status, **self._result})
        self._stack.close()


def _reopened(path: Path) -> RunFolder:
    try:
        return RunFolder.reopen(path)
    except RunFolderError as error:
        raise FolderError(str(error)) from error


def _picture(robot: Driver) -> Frames:
    return np.asarray(robot.get_observation()["rgb"])


def _shows(robot: Robot, journal: Journal, sight: Sight) -> bool:
    """Whether the robot sees what it saw last, if anything: to the letter, where it is a simulated one,
    else with every block in its place."""
    if journal.seen < 0:
        return True
    before, now = np.asarray(journal.after(journal.seen)[1]["rgb"]), _picture(robot)
    if robot.restore is not None:
        return np.array_equal(before, now)
    return changed(before, now) <= CHANGED and not sight.moved(before, now)


def _as_left(robot: Robot, journal: Journal, sight: Sight) -> Robot:
    """The robot; a simulated one that is where it was left must not be brought there again: it may have moved
    in other runs before."""
    return _Staying(robot) if _shows(robot, journal, sight) else robot


class _Staying(WrappedRobot):
    """A robot that is not brought back to where it was."""

    @property
    def restore(self) -> None:
        """None."""
        return None


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
