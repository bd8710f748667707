"""What the planner's tools do, whichever framework offers them: the plans of one session on one agent.

Plans and moves are two tools; who is asked before a move is the framework's. No tool takes rules away or arms
a stopped robot.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

import numpy as np

from vlp.errors import HeldError, UsageError, VlpError
from vlp.filmstrip import to_png
from vlp.saved_plan import SavedPlan
from vlp.sdk import Agent

TOOLS: Final[Mapping[str, str]] = {
    "propose_plan": 'Look, search and save a plan, such as for "group the blocks by color". Nothing moves.',
    "get_plan": "A plan's subgoals and scores, and its contact sheet: every frame, a row a subgoal.",
    "execute_plan": "Act on the newest plan, once a person has approved it; what came of it.",
    "observe": "What the camera shows, once no plan is being made or acted on.",
    "stop": "Stop the robot at once. Only a person can arm it again.",
}
"""The tools, and what a model is told of each."""
OURS: Final = (VlpError, ValueError)
"""Errors that a model is told of in their own words."""
_KEPT: Final = ("reason", "control_steps", "score", "complete", "folder")
"""Of what came of a plan."""


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


class Plans:
    """A session: its plans by name, from any thread; all errors are OURS."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._plans: dict[str, SavedPlan] = {}
        self._busy = threading.Lock()

    def propose_plan(self, instruction: str) -> dict[str, Any]:
        """Plan, see `Agent.plan`; what get_plan gives."""
        with self._busy:
            plan = self._agent.plan(instruction)
            # Frameworks keep calls and approvals over restarts: with the digest in its name, no plan of a
            # later session passes for this one.
            name = f"plan-{len(self._plans) + 1}-{plan.digest[:8]}"
            self._plans[name] = plan
        return self.get_plan(name)

    def get_plan(self, plan: str) -> dict[str, Any]:
        """A plan's name, subgoals and scores, ready for JSON."""
        found = self.of(plan)
        return {
            "plan": plan,
            "subgoals": list(found.subgoals),
            "steps_to_go": [round(step.steps_to_go, 1) for step in found.plan],
            "spread": [round(step.spread, 1) for step in found.plan],
            "expected_success": None if (p := found.expected_success) is None else round(p, 2),
            "branches": len(found.tree.nodes),
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
        found = self.of(plan)
        if plan != (newest := list(self._plans)[-1]):
            raise UsageError(f"plan: expected the newest one, {newest}, got {plan}; nothing moved")
        return f"Act on {plan}: {'; '.join(found.subgoals)}?"

    def execute_plan(self, plan: str, by: str) -> dict[str, Any]:
        """Act on a plan that somebody approved, see `Agent.execute`; what came of it."""
        with self._busy:
            found = self.of(plan)
            result = self._agent.execute(found, found.approved(by=by))
        return {name: result[name] for name in _KEPT}

    async def aexecute_plan(self, plan: str, by: str) -> dict[str, Any]:
        """`execute_plan`, beside other tasks. The robot is stopped when whoever asked leaves meanwhile."""
        try:
            return await asyncio.to_thread(self.execute_plan, plan, by)
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
        return "stopped; a person has to arm the robot again"

    def of(self, plan: str) -> SavedPlan:
        """A plan by its name. Raises UsageError."""
        if plan not in self._plans:
            known = ", ".join(self._plans) or "none yet; call propose_plan"
            raise UsageError(f"plan: expected a plan of this session, got {plan!r:.40}; there are: {known}")
        return self._plans[plan]


def not_approved(plan: str) -> UsageError:
    """What is said where a person did not say yes."""
    return UsageError(
        f"expected a person's approval of {plan:.40}, got none; it was not approved, and nothing moved"
    )
