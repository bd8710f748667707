"""MCP session: the plans of an agent made after the handshake, and who is told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcp.server.mcpserver import Context

from executors.safety.stop import StopLatch
from vlp.events.left import Left
from vlp.events.types import Acted, Event
from vlp.events.words import line, plain, search_line
from vlp.tools.plans import STOPPED, Plans

if TYPE_CHECKING:
    from vlp.sdk import Agent

EVERY: Final = 5
"""Control steps from one notification to the next."""


class Session:
    """The plans of an agent, which is made once when it is first needed.

    Args:
        make: makes the agent; it may take long.
        robot: folder of the robot's stop, which holds before there is an agent.
    """

    def __init__(self, make: Callable[[], Agent], robot: Path) -> None:
        self._make, self._robot = make, robot
        self._agent: Agent | None = None
        self._plans: Plans | None = None
        self._loading = asyncio.Lock()

    @property
    def loaded(self) -> bool:
        """Whether the agent is made."""
        return self._plans is not None

    async def plans(self) -> Plans:
        """The plans; the agent is made first, and again where that failed. Raises what making it raises."""
        async with self._loading:
            if self._plans is None:
                self._agent = await asyncio.to_thread(self._make)
                self._plans = Plans(self._agent)
            return self._plans

    def stop(self, reason: str) -> str:
        """Stop the robot at once, whatever is under way, also while models load."""
        StopLatch(self._robot).stop(reason)
        return STOPPED

    def close(self) -> None:
        """Let go of the robot."""
        if self._agent is not None:
            self._agent.close()


class Reporter:
    """Tells a client how far its call is, from any thread: an onlooker of the agent."""

    def __init__(self, context: Context) -> None:
        self._context, self._loop = context, asyncio.get_running_loop()
        self._told = 0
        self._left = Left()

    def __call__(self, event: Event) -> None:
        self._left = self._left.after(event)
        if isinstance(event, Acted):
            if event.control_step % EVERY == 0:
                self.tell(self._left.words)
        elif words := line(event):
            self.tell(words)

    def on_event(self, kind: str, details: dict[str, object]) -> None:
        """How far a search is."""
        self.tell(search_line(kind, details))

    def tell(self, words: str) -> None:
        """Notify the client, where it asked for that; nobody waits for it."""
        self._told += 1
        report: Any = self._context.report_progress(self._told, None, plain(words))
        try:
            asyncio.run_coroutine_threadsafe(report, self._loop)
        except RuntimeError:  # the client has left, and the loop with it
            report.close()
