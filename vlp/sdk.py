"""The planner from Python: plans and moves are two calls, and a move needs an approval of its plan.

>>> from vlp import Agent
>>> with Agent.simulated(seed=1_000_002, settings=SMALL, root=ROOT) as agent:
...     plan = agent.plan("group the blocks by color")
...     result = agent.execute(plan, plan.approved(by="an operator"))
>>> plan.subgoals[0].startswith("push the")
True
>>> result["control_steps"] > 0
True
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import numpy as np

from executors.robot import Driver, Observation
from executors.safety.safe_robot import SafeRobot
from executors.safety.watchdog import CommandTimeout
from vlp.agent.approval import Answer
from vlp.agent.parts import Parts
from vlp.agent.watcher import Onlooker
from vlp.domains.base import DEFAULT, domain
from vlp.durable.names import ROBOT
from vlp.errors import HeldError, NoPlanError, UsageError
from vlp.events.thread import Following
from vlp.events.types import Event
from vlp.record.plan import CHANGED, Approval, SavedPlan, Why, changed, why
from vlp.session.drive import driven, held, rearm, stop
from vlp.session.picture import Fitted, Given
from vlp.session.sdk_run import Once, SdkRun
from vlp.settings import Settings


class Agent:
    """Plans for one robot, and acts on plans that someone approved. A context manager.

    Args:
        robot: with LeRobot's method names; nobody else may drive it. Pictures of another size than the models
            see are scaled, see `vlp.session.picture.fitted`.
        settings: how wide and far it searches.
        rules: standing rules in words, for every plan.
        root: where run folders go; the robot's stop and lease lie there too.
        parts: models, else the bundled ones of the world.
        world: by its name; whose robot it is.
        command_timeout: seconds without an action after which the robot is told once to stay where it is,
            also while a search goes on; for robots whose drivers let two threads call. None: it is left
            alone, as a simulated one, which waits.

    Raises HeldError where another process drives the robot.
    """

    def __init__(
        self,
        robot: Driver,
        *,
        settings: Settings | None = None,
        rules: Sequence[str] = (),
        root: Path = Path("runs"),
        parts: Parts | None = None,
        command_timeout: float | None = None,
        world: str = DEFAULT,
    ) -> None:
        if isinstance(rules, str):  # a sequence of letters, to Python
            raise UsageError(f"rules: expected a list of them, got one text; give [{rules!r:.80}]")
        self.settings, self.rules, self.root = settings or Settings(), tuple(rules), root
        self.domain = domain(world)
        self._parts = parts or self.domain.parts(
            weights=None,
            device=self.settings.device,
            sampling_steps=self.settings.sampling_steps,
            models=None,
        )
        self._stack = ExitStack()
        self._robot: SafeRobot = self._stack.enter_context(
            driven(Fitted(robot, self._parts.shape), root / ROBOT, self._parts.limits, self._parts.view)
        )
        self._given = Given(self._parts)
        self._stack.callback(self._robot.disconnect)
        if not self._robot.is_connected:
            with held():
                self._robot.connect()
        if command_timeout is not None:
            self._stack.enter_context(CommandTimeout(self._robot, command_timeout))
        self._run: SdkRun | None = None
        self.onlooker: Onlooker | None = None
        """Is told of every plan that is made from now on, and of what comes of it."""

    @classmethod
    def simulated(cls, *, seed: int = 0, instruction: str | None = None, **options: Any) -> Self:
        """On the simulated scene of a seed; `instruction`: what the simulator keeps score of."""
        settings = options.pop("settings", None) or Settings(seed=seed)
        world = domain(options.get("world", DEFAULT))
        robot = world.robot(instruction, seed=seed, max_steps=settings.max_control_steps)
        return cls(robot, settings=settings, **options)

    def plan(self, instruction: str, observation: Observation | None = None) -> SavedPlan:
        """Look, search, and save the plan; nothing moves. `observation`: what to plan from instead of what is
        seen now, {"rgb": a picture of the scene} at least. Raises InstructionError, NoPlanError, ModelError,
        UsageError for an observation that is none, HeldError also for a picture that can't be relied on."""
        if observation is not None:
            observation = self._given.take(observation)
        self._leave()
        with held():
            self._run = run = SdkRun.begin(
                instruction, self._robot, observation,
                world=self.domain, parts=self._parts, settings=self.settings, rules=self.rules, 
                root=self.root, onlooker=self.onlooker,
            )  # fmt: skip
            run.go(None)
        return run.saved()

    def resume(self, folder: Path) -> SavedPlan:
        """Take up a run that another process left unfinished, by its folder under `root`: the plan that waits
        there, or that was being acted on. Nothing moves; `execute`, with an approval, goes on where it was
        broken off, and sends no action twice. The agent must be made as that one was. Raises StateError,
        FolderError, UsageError, NoPlanError, HeldError."""
        if folder.absolute().parent != self.root.absolute():
            raise UsageError(f"folder: expected one in {self.root}, got {folder}; name a run of this robot")
        self._leave()
        with held():
            self._run = run = SdkRun.resume(
                folder.absolute(), self._robot,
                world=self.domain, parts=self._parts, settings=self.settings, rules=self.rules,
                onlooker=self.onlooker,
            )  # fmt: skip
            if not run.under_way:
                run.go(None)
        return run.saved()

    def execute(self, plan: SavedPlan, approval: Approval) -> dict[str, Any]:
        """Act on a plan that was approved; what stands in result.json. Raises UsageError for an approval of
        another plan, or where the scene has changed since; HeldError where the robot may not move."""
        run = self._approved(plan, approval)
        return run.go(run.says(approval))

    def amend(self, plan: SavedPlan, answer: Answer) -> SavedPlan:
        """The plan as `answer` (Answer.reject, edit or pick) changes it; nothing moves. Raises UsageError,
        and NoPlanError where the change leaves no plan: the one before waits as it was."""
        run = self._of(plan)
        run.go(Once(answer))
        amended = run.saved()
        if amended.digest == plan.digest:
            raise NoPlanError("no plan: the change leaves none; the plan before it waits as it was")
        return amended

    def stream(self, plan: SavedPlan, approval: Approval) -> Iterator[Event]:
        """`execute`, event by event; raises what it raises. Leaving the loop stops the robot."""
        following = self._follow(plan, approval)
        try:
            while (event := following.get()) is not None:
                yield event
        finally:
            following.leave()
            following.join()

    def _follow(self, plan: SavedPlan, approval: Approval) -> Following:
        run = self._approved(plan, approval)
        says = run.says(approval)
        return Following(run.events, lambda: run.go(says), lambda: self.stop("whoever watched has left"))

    def waiting(self) -> SavedPlan | None:
        """The plan that waits for an approval, such as the one at which `execute` ended; None where none
        does. Raises NoPlanError for one that is not sure enough."""
        return self._run.saved() if self._run is not None and self._run.waits else None

    def things(self) -> tuple[str, ...]:
        """Names of the things that the camera shows. Raises HeldError where that can't be trusted."""
        return tuple(sorted(self._parts.sight.scene(np.asarray(self.observe()["rgb"]))))

    def observe(self) -> Observation:
        """What the robot sees now. Raises HeldError where that can't be trusted."""
        with held():
            return self._robot.get_observation()

    def stop(self, reason: str = "stopped by the operator") -> None:
        """Stop the robot at once, from any thread; nothing is sent until `rearm`. Raises HeldError where the
        action under way does not end: it may still move the robot."""
        stop(self.root / ROBOT, reason)

    def rearm(self) -> None:
        """Let the robot move again. Raises HeldError while an action under way does not end."""
        rearm(self.root / ROBOT)

    def why(self, plan: SavedPlan, other: int) -> Why:
        """The plan beside another branch of its tree, by node id: scores, reasons and clips."""
        return why(plan, other)

    async def aplan(self, instruction: str, observation: Observation | None = None) -> SavedPlan:
        """`plan`, beside other tasks."""
        return await asyncio.to_thread(self.plan, instruction, observation)

    async def aexecute(self, plan: SavedPlan, approval: Approval) -> dict[str, Any]:
        """`execute`, beside other tasks. The robot is stopped when whoever waits is cancelled."""
        try:
            return await asyncio.to_thread(self.execute, plan, approval)
        except asyncio.CancelledError:
            with suppress(HeldError):  # it is stopped all the same
                self.stop("whoever waited has left")  # the thread would go on to the plan's end
            raise

    async def astream(self, plan: SavedPlan, approval: Approval) -> AsyncIterator[Event]:
        """`stream`, beside other tasks. Leaving the loop, or being cancelled in it, stops the robot."""
        following = await asyncio.to_thread(self._follow, plan, approval)
        try:
            while (event := await asyncio.to_thread(following.get)) is not None:
                yield event
        finally:
            following.leave()
            await asyncio.to_thread(following.join)

    def close(self) -> None:
        """Let go of the robot; what was planned and done stays in its folders."""
        self._leave()
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _leave(self) -> None:
        if self._run is not None:
            self._run.close()
            self._run = None

    def _of(self, plan: SavedPlan) -> SdkRun:
        if self._run is None or not self._run.is_at(plan):
            raise UsageError("plan: expected the last one that this agent made, got another; plan again")
        return self._run

    def _approved(self, plan: SavedPlan, approval: Approval) -> SdkRun:
        run = self._of(plan)
        if approval.digest != plan.digest:
            raise UsageError("approval: expected one of this plan, got one of another; approve this one")
        if run.under_way:  # the board was looked at when it was taken up, and is not as the plan began
            return run
        run.look_again()
        now = np.asarray(self.observe()["rgb"])
        share, why = changed(plan.frame, now), self._parts.sight.moved(plan.frame, now)
        if share > CHANGED or why:
            raise UsageError(
                f"plan: expected the board that it begins with, got {why or f'{share:.0%} of it changed'}; "
                "plan again"
            )
        return run
