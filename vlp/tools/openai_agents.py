"""Tools for agents of the openai-agents library (extra `agents`).

    helper = agents.Agent(name="helper", tools=planner_tools(agent))

A run that calls execute_plan pauses: `result.interruptions` has the call, and `state = result.to_state()`
goes on after `state.approve(call)` or `state.reject(call)`. The tool looks the approval up itself, so a call
without one moves nothing, however it comes. Pictures reach models over the Responses API; Chat Completions
carries only the words beside them.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from agents import (
    RunContextWrapper,
    Tool,
    ToolOutputImage,
    ToolOutputText,
    default_tool_error_function,
    function_tool,
)
from agents.tool_context import ToolContext

from vlp.errors import UsageError
from vlp.sdk import Agent
from vlp.tools.plans import OURS, Plans, not_approved, one_line, worded

Pictured = list[ToolOutputText | ToolOutputImage]
"""Words and a picture, as the library gives them to a model."""


def planner_tools(agent: Agent, *, approver: str = "the person at the run") -> list[Tool]:
    """The planner's tools on an agent; approver: who a plan's approval is by, as the library has no names."""
    tools = _Tools(Plans(agent), approver)
    return [
        function_tool(
            getattr(tools, name),
            description_override=words,
            use_docstring_info=False,
            failure_error_function=_in_words,
            needs_approval=name == "execute_plan",
        )
        for name, words in worded(agent.domain.wording).items()
    ]


class _Tools:
    """One method a tool; the library makes the schemas from their arguments."""

    def __init__(self, plans: Plans, approver: str) -> None:
        self._plans, self._approver = plans, approver

    def propose_plan(self, instruction: str) -> str:
        return json.dumps(self._plans.propose_plan(instruction))

    def get_plan(self, plan: str) -> Pictured:
        return _pictured(json.dumps(self._plans.get_plan(plan)), self._plans.contact_sheet(plan))

    def list_tasks(self) -> str:
        return json.dumps(self._plans.list_tasks())

    def reject_branch(self, plan: str, branch: int, why: str) -> str:
        return json.dumps(self._plans.reject_branch(plan, branch, why))

    def edit_branch(self, plan: str, branch: int, words: str) -> str:
        return json.dumps(self._plans.edit_branch(plan, branch, words))

    def pick_branch(self, plan: str, branch: int) -> str:
        return json.dumps(self._plans.pick_branch(plan, branch))

    async def execute_plan(self, context: ToolContext[Any], plan: str) -> str:
        # The runner asks before it calls; this is for a call without the runner, or with the flag taken away.
        name, call = context.qualified_tool_name, context.tool_call_id
        if context.is_tool_approved(name, call) is not True:
            raise not_approved(plan)
        # One that holds for a call that was never made is of plans that nobody has seen.
        if context.is_tool_approved(name, f"not {call}") is True:
            raise UsageError(
                f"expected an approval of {plan:.40} alone, got one of all calls to come; nothing moved: "
                "approve without always_approve"
            )
        return json.dumps(await self._plans.aexecute_plan(plan, self._approver))

    def observe(self) -> Pictured:
        return _pictured("what the camera shows now", self._plans.observe())

    def stop(self, reason: str) -> str:
        return self._plans.stop(reason)


def _pictured(words: str, png: bytes) -> Pictured:
    uri = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    return [ToolOutputText(text=words), ToolOutputImage(image_url=uri)]


def _in_words(context: RunContextWrapper[Any], error: Exception) -> str:
    """What a model is told of an error; the run goes on."""
    if isinstance(error, OURS):
        return f"error: {one_line(error)}"
    return default_tool_error_function(context, error)
