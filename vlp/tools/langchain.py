"""Tools for agents of LangChain and LangGraph (extra `langchain`).

    helper = create_agent(model, planner_tools(agent), checkpointer=InMemorySaver())

A call of execute_plan pauses the graph with LangGraph's `interrupt`, whose value says what is to be done;
only `Command(resume={"approve": True, "name": "Ada"})` lets the robot move. Without a graph there is nobody
to ask, and nothing moves.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from langchain_core.messages.content import create_image_block, create_text_block
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from langgraph.types import interrupt

from vlp.errors import UsageError
from vlp.sdk import Agent
from vlp.tools.plans import Plans, not_approved, said_as, worded

Pictured = list[Any]
"""Content blocks: words and a picture."""


def planner_tools(agent: Agent) -> list[BaseTool]:
    """The planner's tools on an agent."""
    tools = _Tools(Plans(agent))
    return [
        StructuredTool.from_function(
            getattr(tools, name),
            coroutine=getattr(tools, f"a{name}", None),
            name=name,
            description=words,
            handle_tool_error=True,
        )
        for name, words in worded(agent.domain.wording).items()
    ]


class _Tools:
    """One method a tool; the library makes the schemas from their arguments."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans

    def propose_plan(self, instruction: str) -> str:
        with said_as(ToolException):
            return json.dumps(self._plans.propose_plan(instruction))

    def get_plan(self, plan: str) -> Pictured:
        with said_as(ToolException):
            return _pictured(json.dumps(self._plans.get_plan(plan)), self._plans.contact_sheet(plan))

    def list_tasks(self) -> str:
        with said_as(ToolException):
            return json.dumps(self._plans.list_tasks())

    def reject_branch(self, plan: str, branch: int, why: str) -> str:
        with said_as(ToolException):
            return json.dumps(self._plans.reject_branch(plan, branch, why))

    def edit_branch(self, plan: str, branch: int, words: str) -> str:
        with said_as(ToolException):
            return json.dumps(self._plans.edit_branch(plan, branch, words))

    def pick_branch(self, plan: str, branch: int) -> str:
        with said_as(ToolException):
            return json.dumps(self._plans.pick_branch(plan, branch))

    def execute_plan(self, plan: str) -> str:
        with said_as(ToolException):
            return json.dumps(self._plans.execute_plan(plan, self._approver(plan)))

    async def aexecute_plan(self, plan: str) -> str:
        with said_as(ToolException):
            return json.dumps(await self._plans.aexecute_plan(plan, self._approver(plan)))

    def observe(self) -> Pictured:
        with said_as(ToolException):
            return _pictured("what the camera shows now", self._plans.observe())

    def stop(self, reason: str) -> str:
        with said_as(ToolException):
            return self._plans.stop(reason)

    def _approver(self, plan: str) -> str:
        """Who approves of a plan, by LangGraph's interrupt; "" for no name. Raises UsageError if nobody does.

        The graph begins the call anew once there is an answer, so nothing but looking plans up comes before.
        """
        asked = {
            "question": self._plans.question(plan),
            "answer": '{"approve": true, "name": "who says so"}',
            **self._plans.get_plan(plan),
        }
        try:
            answer = interrupt(asked)
        except (RuntimeError, KeyError) as error:  # LangGraph's, outside of a graph
            raise UsageError(
                "execute_plan: expected a graph with a person to ask, got none; nothing moved"
            ) from error
        if not isinstance(answer, dict) or answer.get("approve") is not True:
            raise not_approved(plan)
        return str(answer.get("name") or "")


def _pictured(words: str, png: bytes) -> Pictured:
    picture = create_image_block(base64=base64.b64encode(png).decode("ascii"), mime_type="image/png")
    return [create_text_block(words), picture]
