"""The planner as an MCP server: other agents propose, look at and, where an operator lets them, act on plans.

A move needs an approval: the server asks the person at the client (MCP's elicitation); a client that has
nobody to ask can't approve. Whoever started the server may have said that all plans are approved.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

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
from pydantic import BaseModel, Field, StrictBool

from vlp.approving import Approve
from vlp.sdk import Agent
from vlp.tools.plans import TOOLS, Plans, not_approved, said_as

_INSTRUCTIONS: Final = (
    "Plans block pushes on a tabletop by imagining short videos. Call propose_plan first and look at its "
    "contact sheet; execute_plan acts on it once a person has approved. stop works at any time."
)


class Approved(BaseModel):
    """What the person at the client answers."""

    approve: StrictBool = Field(description="Whether the robot may act on this plan")
    name: str = Field(default="", description="Who says so")


async def ask_person(plan: str, context: Context) -> Approved | Elicit[Approved]:
    """The approval of a plan, which the person at the client is asked for unless the server approves all.
    Raises ToolError where there is nobody to ask."""
    server = context.mcp_server
    assert isinstance(server, PlannerServer), f"expected a PlannerServer, got {type(server).__name__}"
    with said_as(ToolError):
        question = server.plans.question(plan)
    if server.approve == "auto":
        return Approved(approve=True, name="whoever started the server")
    capabilities = context.client_capabilities
    if capabilities is None or capabilities.elicitation is None:
        raise ToolError("expected a client with a person to ask, got one without; nothing moved")
    return Elicit(question, Approved)


class PlannerServer(MCPServer[Any]):
    """The MCP server of an agent.

    approve: "ask" the person at the client before each plan is acted on, or "auto".
    """

    def __init__(self, agent: Agent, approve: Approve = "ask") -> None:
        super().__init__("video-language-planner", instructions=_INSTRUCTIONS, log_level="WARNING")
        self.plans, self.approve = Plans(agent), approve
        tools = _Tools(self.plans)
        for name, told in TOOLS.items():
            self.tool(description=told)(getattr(tools, name))
        self.resource("plan://{plan}/contact-sheet.png", mime_type="image/png")(tools.contact_sheet)
        self.resource("plan://{plan}/video.mp4", mime_type="video/mp4")(tools.video)


class _Tools:
    """One method a tool or resource; the library makes the schemas from their arguments, and runs those that
    are no coroutines in threads."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans

    def propose_plan(self, instruction: str) -> dict[str, Any]:
        with said_as(ToolError):
            return _linked(self._plans.propose_plan(instruction))

    def get_plan(self, plan: str) -> dict[str, Any]:
        with said_as(ToolError):
            return _linked(self._plans.get_plan(plan))

    def contact_sheet(self, plan: str) -> bytes:
        with said_as(ToolError):
            return self._plans.contact_sheet(plan)

    def video(self, plan: str) -> bytes:
        with said_as(ToolError):
            return self._plans.video(plan)

    async def execute_plan(
        self, plan: str, answer: Annotated[ElicitationResult[Approved], Resolve(ask_person)]
    ) -> dict[str, Any]:
        with said_as(ToolError):
            if not isinstance(answer, AcceptedElicitation) or not answer.data.approve:
                raise not_approved(plan)
            by = answer.data.name.strip() or "the person at the client"
            return await self._plans.aexecute_plan(plan, by)

    def observe(self) -> Image:
        with said_as(ToolError):
            return Image(data=self._plans.observe(), format="png")

    def stop(self, reason: str) -> str:
        with said_as(ToolError):
            return self._plans.stop(reason)


def _linked(summary: dict[str, Any]) -> dict[str, Any]:
    """With where a plan's pictures are."""
    where = f"plan://{summary['plan']}"
    return {**summary, "contact_sheet": f"{where}/contact-sheet.png", "video": f"{where}/video.mp4"}


def serve(agent: Agent, approve: Approve) -> None:
    """Serve over stdin and stdout until the client leaves."""
    PlannerServer(agent, approve).run("stdio")
