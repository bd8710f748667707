"""The planner as an MCP server: other agents propose, look at and, where an operator lets them, act on plans.

Plans and moves are two tools. A move needs an approval: the server asks the person at the client (MCP's
elicitation); a client that has nobody to ask can't approve. Whoever started the server may have said that all
plans are approved. No tool takes rules away or arms a stopped robot.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import numpy as np
from mcp.server.mcpserver import (
    AcceptedElicitation,
    Context,
    Elicit,
    ElicitationResult,
    Image,
    MCPServer,
    Resolve,
)
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from vlp.approving import Approve
from vlp.errors import VlpError
from vlp.filmstrip import to_png
from vlp.saved_plan import SavedPlan
from vlp.sdk import Agent

_INSTRUCTIONS: Final = (
    "Plans block pushes on a tabletop by imagining short videos. Call propose_plan first and look at its "
    "contact sheet; execute_plan acts on it once a person has approved. stop works at any time."
)


class Approved(BaseModel):
    """What the person at the client answers."""

    approve: bool = Field(description="Whether the robot may act on this plan")
    name: str = Field(default="", description="Who says so")


async def ask_person(plan: str, context: Context) -> Approved | Elicit[Approved]:
    """The approval of a plan, which the person at the client is asked for unless the server approves all.
    Raises ToolError where there is nobody to ask."""
    server = context.mcp_server
    assert isinstance(server, PlannerServer), f"expected a PlannerServer, got {type(server).__name__}"
    words = "; ".join(server.plans.of(plan).subgoals)
    if server.plans.approve == "auto":
        return Approved(approve=True, name="whoever started the server")
    capabilities = context.client_capabilities
    if capabilities is None or capabilities.elicitation is None:
        raise ToolError("expected a client with a person to ask, got one without; nothing moved")
    return Elicit(f"Act on {plan}: {words}?", Approved)


class Plans:
    """What the tools do, on one agent.

    approve: "ask" the person at the client before each plan is acted on, or "auto".
    """

    def __init__(self, agent: Agent, approve: Approve) -> None:
        self._agent, self.approve = agent, approve
        self._plans: dict[str, SavedPlan] = {}
        self._busy = asyncio.Lock()

    async def propose_plan(self, instruction: str) -> dict[str, Any]:
        """Look, search and save a plan, such as for "group the blocks by color". Nothing moves."""
        async with self._busy:
            plan = await _said(self._agent.aplan(instruction))
        number = f"plan-{len(self._plans) + 1}"
        self._plans[number] = plan
        return self.get_plan(number)

    def get_plan(self, plan: str) -> dict[str, Any]:
        """A plan's subgoals and scores, and where its pictures are."""
        found = self.of(plan)
        return {
            "plan": plan,
            "subgoals": list(found.subgoals),
            "steps_to_go": [round(step.steps_to_go, 1) for step in found.plan],
            "spread": [round(step.spread, 1) for step in found.plan],
            "branches": len(found.tree.nodes),
            "rejected": found.tree.rejections(),
            "contact_sheet": f"plan://{plan}/contact-sheet.png",
            "video": f"plan://{plan}/video.mp4",
        }

    def contact_sheet(self, plan: str) -> bytes:
        """Every frame of a plan's clips, a row a subgoal, as PNG."""
        return to_png(self.of(plan).contact_sheet)

    def video(self, plan: str) -> bytes:
        """A plan's clips one after the other, as MP4."""
        return self.of(plan).video()

    async def execute_plan(
        self, plan: str, answer: Annotated[ElicitationResult[Approved], Resolve(ask_person)]
    ) -> dict[str, Any]:
        """Act on the newest plan, once a person has approved it; what came of it."""
        if not isinstance(answer, AcceptedElicitation) or not answer.data.approve:
            raise ToolError(f"{plan} was not approved; nothing moved")
        found = self.of(plan)
        approval = found.approved(by=answer.data.name.strip() or "the person at the client")
        async with self._busy:
            result = await _said(self._agent.aexecute(found, approval))
        kept = ("reason", "control_steps", "score", "complete", "folder")
        return {name: result[name] for name in kept}

    def observe(self) -> Image:
        """What the camera shows now."""
        return Image(data=to_png(np.asarray(_now(self._agent)["rgb"])), format="png")

    def stop(self, reason: str) -> str:
        """Stop the robot at once. Only a person can arm it again."""
        self._agent.stop(reason)
        return "stopped; a person has to arm the robot again"

    def of(self, plan: str) -> SavedPlan:
        """A plan by its number. Raises ToolError."""
        if plan not in self._plans:
            known = ", ".join(self._plans) or "none yet; call propose_plan"
            raise ToolError(f"expected a plan of this session, got {plan!r:.40}; there are: {known}")
        return self._plans[plan]


class PlannerServer(MCPServer[Any]):
    """The MCP server of an agent."""

    def __init__(self, agent: Agent, approve: Approve = "ask") -> None:
        super().__init__("video-language-planner", instructions=_INSTRUCTIONS, log_level="WARNING")
        self.plans = plans = Plans(agent, approve)
        for tool in (plans.propose_plan, plans.get_plan, plans.execute_plan, plans.observe, plans.stop):
            self.tool()(tool)
        self.resource("plan://{plan}/contact-sheet.png", mime_type="image/png")(plans.contact_sheet)
        self.resource("plan://{plan}/video.mp4", mime_type="video/mp4")(plans.video)


def _now(agent: Agent) -> dict[str, Any]:
    try:
        return agent.observe()
    except (VlpError, ValueError) as error:
        raise ToolError(str(error)) from error


async def _said(work: Any) -> Any:
    """Errors of ours as the tool's own words."""
    try:
        return await work
    except (VlpError, ValueError) as error:
        raise ToolError(str(error)) from error


def serve(agent: Agent, approve: Approve) -> None:
    """Serve over stdin and stdout until the client leaves."""
    PlannerServer(agent, approve).run("stdio")
