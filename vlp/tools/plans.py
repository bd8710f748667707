"""Plan tools, whichever framework offers them: the plans of one session on one agent.

Plans and moves are two tools; who is asked before a move is the framework's. No tool takes rules away or arms
a stopped robot.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from planner import Search
from vlp.agent.approval import Answer, check
from vlp.agent.watcher import Onlooker
from vlp.domains.base import Wording
from vlp.errors import HeldError, NoPlanError, UsageError, VlpError
from vlp.events.types import Event
from vlp.record.filmstrip import to_png
from vlp.record.plan import SavedPlan

if TYPE_CHECKING:
    from vlp.sdk import Agent

TOOLS: Final[Mapping[str, str]] = {
    "list_tasks": "What can be asked for on this {place}: {offers}, {things}; the standing rules.",
    "propose_plan": 'Look, search and save a plan, such as for "{instruction}". Nothing moves.',
    "get_plan": "A plan's subgoals, scores and branches, and its contact sheet, every frame, a row a step.",
    "reject_branch": "Search on without a branch of the newest plan; gives a new plan. Nothing moves.",
    "edit_branch": "Imagine a branch of the newest plan under other words; gives a new plan. Nothing moves.",
    "pick_branch": "Go through another branch of the newest plan; gives a new plan. Nothing moves.",
    "execute_plan": "Act on the newest plan, once a person has approved it; what came of it, what is next.",
    "observe": "What the camera shows, once no plan is being made or acted on.",
    "stop": "Stop the robot at once. Only a person can arm it again.",
}
"""The tools, and what a model is told of each, in a world's own words, see `worded`."""
LOOKS: Final = ("list_tasks", "get_plan", "observe")
"""Tools that change nothing."""
MOVES: Final = ("execute_plan",)
"""Tools after which things may be elsewhere."""
BRANCHES: Final = 60
"""Of a plan that a model is told of, at most."""
STOPPED: Final = "stopped; a person has to arm the robot again"
OURS: Final = (VlpError, ValueError)
"""Errors that a model is told of in their own words."""
_KEPT: Final = ("reason", "control_steps", "score", "complete", "judged_by", "folder")
"""Of what came of a plan."""


def worded(wording: Wording) -> dict[str, str]:
    """The tools, and what a model is told of each in one world."""
    return {name: words.format(**vars(wording)) for name, words in TOOLS.items()}


def one_line(error: Exception) -> str:
    """An error's whole message without line breaks."""
    return " ".join(str(error).split())


@contextmanager
def said_as(kind: type[Exception]) -> Iterator[None]:
    """Errors of ours as a framework's own, in one line."""
    try:
        yield
    except OURS as error:
        raise kind(one_line(error)) from error


class _Passed:
    """Tells whoever asked for what is under way now; a plan outlives the call that made it."""

    def __init__(self) -> None:
        self.to: Onlooker | None = None

    def __call__(self, event: Event) -> None:
        if self.to is not None:
            self.to(event)

    def on_event(self, kind: str, details: dict[str, object]) -> None:
        """See Onlooker."""
        if self.to is not None:
            self.to.on_event(kind, details)


class Plans:
    """A session: its plans by name, from any thread; all errors are OURS."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._plans: dict[str, SavedPlan] = {}
        self._busy = threading.Lock()
        agent.onlooker = self._told = _Passed()

    def list_tasks(self) -> dict[str, Any]:
        """What can be asked for, ready for JSON."""
        with self._busy:
            names = self._agent.things()
        world = self._agent.domain
        return {
            **{kind: list(words) for kind, words in world.offers().items()},
            world.wording.things: [world.words_of(name) for name in names],
            "rules": list(self._agent.rules),
        }

    def propose_plan(self, instruction: str, onlooker: Onlooker | None = None) -> dict[str, Any]:
        """Plan, see `Agent.plan`; what get_plan gives. `onlooker`: is told how far it is."""
        with self._watched(onlooker):
            name = self._named(self._agent.plan(instruction))
        return self.get_plan(name)

    def reject_branch(
        self, plan: str, branch: int, why: str, onlooker: Onlooker | None = None
    ) -> dict[str, Any]:
        """Search on without a branch; the new plan."""
        if not why.strip():
            raise UsageError(f"why: expected a reason in words, got {why!r}; say why {branch} is rejected")
        return self._amend(plan, Answer.reject({branch: why}), onlooker)

    def edit_branch(
        self, plan: str, branch: int, words: str, onlooker: Onlooker | None = None
    ) -> dict[str, Any]:
        """Imagine a branch under other words, and go through it; the new plan."""
        return self._amend(plan, Answer.edit(branch, words), onlooker)

    def pick_branch(self, plan: str, branch: int, onlooker: Onlooker | None = None) -> dict[str, Any]:
        """Go through another branch; the new plan."""
        return self._amend(plan, Answer.pick(branch), onlooker)

    def _amend(self, plan: str, answer: Answer, onlooker: Onlooker | None) -> dict[str, Any]:
        with self._watched(onlooker):
            found = self._newest(plan)
            try:
                check(
                    answer,
                    Search(found.plan, found.tree, "horizon", found.expected_success),
                    self._agent.domain.check_subgoal,
                )
            except ValueError as error:
                raise UsageError(str(error)) from error
            name = self._named(self._agent.amend(found, answer))
        return self.get_plan(name)

    @contextmanager
    def _watched(self, onlooker: Onlooker | None) -> Iterator[None]:
        """One plan at a time, followed by whoever asked for it."""
        with self._busy:
            self._told.to = onlooker
            try:
                yield
            finally:
                self._told.to = None

    def _named(self, plan: SavedPlan) -> str:
        """Keep a plan; its name. Frameworks keep calls and approvals over restarts: with the digest in its
        name, no plan of a later session passes for this one."""
        name = f"plan-{len(self._plans) + 1}-{plan.digest[:8]}"
        self._plans[name] = plan
        return name

    def get_plan(self, plan: str) -> dict[str, Any]:
        """A plan's name, subgoals, scores and branches, ready for JSON."""
        found = self.of(plan)
        return {
            "plan": plan,
            "understood": found.understood,
            "subgoals": list(found.subgoals),
            "steps_to_go": [_number(step.steps_to_go) for step in found.plan],
            "spread": [_number(step.spread) for step in found.plan],
            "expected_success": None if (p := found.expected_success) is None else round(p, 2),
            "branches": _branches(found),
            "imagined": len(found.tree.nodes),
            "rejected": found.tree.rejections(),
        }

    def contact_sheet(self, plan: str) -> bytes:
        """Every frame of a plan's clips, a row a subgoal, as PNG."""
        return to_png(self.of(plan).contact_sheet)

    def video(self, plan: str) -> bytes:
        """A plan's clips one after the other, as MP4."""
        return self.of(plan).video()

    def question(self, plan: str) -> str:
        """What a person is asked before a plan is acted on. Raises UsageError for any but the newest."""
        found = self._newest(plan)
        return f"Act on {plan} ({found.understood}): {'; '.join(found.subgoals)}?"

    def _newest(self, plan: str) -> SavedPlan:
        found = self.of(plan)
        if plan != (newest := list(self._plans)[-1]):
            raise UsageError(f"plan: expected the newest one, {newest}, got {plan}; nothing moved")
        return found

    def execute_plan(self, plan: str, by: str, onlooker: Onlooker | None = None) -> dict[str, Any]:
        """Act on a plan that somebody approved, see `Agent.execute`; what came of it, and what is next."""
        with self._watched(onlooker):
            found = self.of(plan)
            result = self._agent.execute(found, found.approved(by=by))
            return {**{name: result[name] for name in _KEPT}, **self._next()}

    def _next(self) -> dict[str, Any]:
        """The plan that follows from what was done, where one waits, and the call that goes on."""
        try:
            waiting = self._agent.waiting()
        except NoPlanError as error:
            return {"next_plan": None, "next": f"{error}; call propose_plan to go on"}
        if waiting is None:
            return {"next_plan": None, "next": "it is over; call propose_plan for something else"}
        name = self._named(waiting)
        return {
            "next_plan": name,
            "next": f"the goal is not reached yet, and a new plan waits: look at get_plan(plan={name!r}), "
            f"then call execute_plan(plan={name!r})",
        }

    async def aexecute_plan(self, plan: str, by: str, onlooker: Onlooker | None = None) -> dict[str, Any]:
        """`execute_plan`, beside other tasks. The robot is stopped when whoever asked leaves meanwhile."""
        try:
            return await asyncio.to_thread(self.execute_plan, plan, by, onlooker)
        except asyncio.CancelledError:
            with suppress(HeldError):  # it is stopped all the same
                self.stop("whoever asked has left")  # the thread would go on to the plan's end
            raise

    def observe(self) -> bytes:
        """What the camera shows now, also while the robot moves, as PNG."""
        return to_png(np.asarray(self._agent.observe()["rgb"]))

    def stop(self, reason: str) -> str:
        """Stop the robot at once, whatever is under way. Raises HeldError where the action under way does not
        end."""
        self._agent.stop(reason)
        return STOPPED

    def of(self, plan: str) -> SavedPlan:
        """A plan by its name. Raises UsageError."""
        if plan not in self._plans:
            known = ", ".join(self._plans) or "none yet; call propose_plan"
            raise UsageError(f"plan: expected a plan of this session, got {plan!r:.40}; there are: {known}")
        return self._plans[plan]


def _branches(plan: SavedPlan) -> list[dict[str, Any]]:
    """Branches of a plan's tree, those of the plan first, then kept ones, then the best of the others."""
    chosen = {step.node_id for step in plan.plan}
    nodes = sorted(
        plan.tree.nodes,
        key=lambda node: (node.id not in chosen, not node.kept, node.rejected is not None, node.depth,
                          node.steps_to_go if math.isfinite(node.steps_to_go) else math.inf),
    )  # fmt: skip
    return [
        {
            "branch": node.id,
            "level": node.depth,
            "after": node.parent,
            "subgoal": node.subgoal,
            "steps_to_go": _number(node.steps_to_go),
            "state": "in the plan" if node.id in chosen
            else f"rejected: {node.rejected}" if node.rejected
            else "kept" if node.kept else "dropped",
        }
        for node in nodes[:BRANCHES]
    ]  # fmt: skip


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return round(value, 1) if math.isfinite(value) else None


def not_approved(plan: str) -> UsageError:
    """What is said where a person did not say yes."""
    return UsageError(
        f"expected a person's approval of {plan:.40}, got none; it was not approved, and nothing moved"
    )
