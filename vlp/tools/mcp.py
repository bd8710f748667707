"""The planner as an MCP server: other agents propose, look at and, where an operator lets them, act on plans.

A move needs an approval: the server asks the person at the client (MCP's elicitation); a client that has
nobody to ask can't approve. Whoever started the server may have said that all plans are approved.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

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
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field, StrictBool

from vlp.domains.base import DEFAULT, domain
from vlp.settings import Approve
from vlp.tools.mcp_session import Reporter, Session
from vlp.tools.plans import LOOKS, MOVES, not_approved, said_as, worded

if TYPE_CHECKING:
    from vlp.sdk import Agent

_INSTRUCTIONS: Final = (
    " by imagining short videos. list_tasks says what can be asked for. Call "
    "propose_plan, then look at the plan's contact sheet with get_plan; reject_branch, edit_branch and "
    "pick_branch change it. execute_plan acts on it once a person has approved, and names the plan that "
    "follows where the goal is not reached yet. stop works at any time."
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
        question = (await server.session.plans()).question(plan)
    if server.approve == "auto":
        return Approved(approve=True, name="whoever started the server")
    capabilities = context.client_capabilities
    if capabilities is None or capabilities.elicitation is None:
        raise ToolError("expected a client with a person to ask, got one without; nothing moved")
    return Elicit(question, Approved)


class PlannerServer(MCPServer[Any]):
    """The MCP server of an agent.

    session: its plans, once models are loaded.
    approve: "ask" the person at the client before each plan is acted on, or "auto".
    world: of the agent.
    """

    def __init__(self, session: Session, approve: Approve = "ask", world: str = DEFAULT) -> None:
        wording = domain(world).wording
        instructions = wording.does + _INSTRUCTIONS
        super().__init__("video-language-planner", instructions=instructions, log_level="WARNING")
        self.session, self.approve = session, approve
        tools = _Tools(session)
        for name, words in worded(wording).items():
            pictured = True if name in ("get_plan", "observe") else None
            self.tool(
                description=words, annotations=_hints(name), structured_output=False if pictured else None
            )(getattr(tools, name))
        self.resource("plan://{plan}/contact-sheet.png", mime_type="image/png")(tools.contact_sheet)
        self.resource("plan://{plan}/video.mp4", mime_type="video/mp4")(tools.video)


def _hints(name: str) -> ToolAnnotations:
    """What a client may make of a tool before it calls it."""
    return ToolAnnotations(
        title=name.replace("_", " ").capitalize(),
        read_only_hint=name in LOOKS,
        destructive_hint=name in MOVES,
        idempotent_hint=name in LOOKS or name == "stop",
        open_world_hint=False,
    )


class _Tools:
    """One method a tool or resource; the library makes the schemas from their arguments."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def list_tasks(self, context: Context) -> dict[str, Any]:
        return await self._call("list_tasks", context)

    async def propose_plan(self, instruction: str, context: Context) -> dict[str, Any]:
        return _linked(await self._call("propose_plan", context, instruction, watched=True))

    async def get_plan(self, plan: str) -> list[Any]:
        with said_as(ToolError):
            plans = await self._session.plans()
            told = json.dumps(_linked(plans.get_plan(plan)))
            return [told, Image(data=await asyncio.to_thread(plans.contact_sheet, plan), format="png")]

    async def reject_branch(self, plan: str, branch: int, why: str, context: Context) -> dict[str, Any]:
        return _linked(await self._call("reject_branch", context, plan, branch, why, watched=True))

    async def edit_branch(self, plan: str, branch: int, words: str, context: Context) -> dict[str, Any]:
        return _linked(await self._call("edit_branch", context, plan, branch, words, watched=True))

    async def pick_branch(self, plan: str, branch: int, context: Context) -> dict[str, Any]:
        return _linked(await self._call("pick_branch", context, plan, branch, watched=True))

    async def contact_sheet(self, plan: str) -> bytes:
        with said_as(ToolError):
            return await asyncio.to_thread((await self._session.plans()).contact_sheet, plan)

    async def video(self, plan: str) -> bytes:
        with said_as(ToolError):
            return await asyncio.to_thread((await self._session.plans()).video, plan)

    async def execute_plan(
        self,
        plan: str,
        answer: Annotated[ElicitationResult[Approved], Resolve(ask_person)],
        context: Context,
    ) -> dict[str, Any]:
        with said_as(ToolError):
            if not isinstance(answer, AcceptedElicitation) or not answer.data.approve:
                raise not_approved(plan)
            by = answer.data.name.strip() or "the person at the client"
            plans = await self._session.plans()
            return await plans.aexecute_plan(plan, by, Reporter(context))

    async def observe(self) -> Image:
        with said_as(ToolError):
            plans = await self._session.plans()
            return Image(data=await asyncio.to_thread(plans.observe), format="png")

    def stop(self, reason: str) -> str:
        with said_as(ToolError):
            return self._session.stop(reason)

    async def _call(self, name: str, context: Context, *given: Any, watched: bool = False) -> dict[str, Any]:
        """A method of the plans in a thread; whoever asked is told how far it is."""
        reporter = Reporter(context)
        with said_as(ToolError):
            reporter.tell("loading the models" if not self._session.loaded else "looking")
            method = getattr(await self._session.plans(), name)
            found: dict[str, Any] = await asyncio.to_thread(
                method, *given, **({"onlooker": reporter} if watched else {})
            )
            return found


def _linked(summary: dict[str, Any]) -> dict[str, Any]:
    """With where a plan's pictures are."""
    where = f"plan://{summary['plan']}"
    return {**summary, "contact_sheet": f"{where}/contact-sheet.png", "video": f"{where}/video.mp4"}


def serve(make: Callable[[], Agent], robot: Path, approve: Approve, world: str) -> None:
    """Serve over stdin and stdout until the client leaves; see Session."""
    session = Session(make, robot)
    try:
        PlannerServer(session, approve, world).run("stdio")
    finally:
        session.close()
