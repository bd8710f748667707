"""`vlp mcp`: the planner for other agents, over MCP."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from vlp.domains.base import domain
from vlp.durable.names import ROBOT
from vlp.errors import UsageError
from vlp.process import stdout_for_result
from vlp.session.request import PlannerOptions
from vlp.settings import Approve, Settings

if TYPE_CHECKING:
    from vlp.sdk import Agent


@dataclass(frozen=True, kw_only=True)
class Mcp(PlannerOptions):
    """Serve the planner to another agent over stdin and stdout (Model Context Protocol). No client can take
    standing rules away."""

    approve: Approve = "ask"
    """ask the person at the client before a plan is acted on; auto: whoever starts this has approved all."""
    max_control_steps: Annotated[int | None, arg(metavar="INT", help_behavior_hint="")] = None
    """Control steps of 0.1 s an instruction (1500)."""
    out: Path = Path("runs/mcp")
    """Folder of the plans, and of the robot's stop and lease."""

    def run(self) -> int:
        """Serve until the client leaves. Raises UsageError where the extra is not installed."""
        settings = self.settings()
        domain(self.world).check_rules(self.rule, seed=settings.seed)  # what is wrong is said at once
        self.models()
        if find_spec("mcp") is None:
            raise UsageError(
                "mcp: expected the package mcp, got none; pip install 'video-language-planner[mcp]'"
            )
        with stdout_for_result():  # what libraries print would not be MCP
            from vlp.session.drive import check_free
            from vlp.tools.mcp import serve

            check_free(self.out / ROBOT)
            domain(self.world).verify(self.weights)
        serve(partial(self._agent, settings), self.out / ROBOT, self.approve, self.world)
        return 0

    def _agent(self, settings: Settings) -> Agent:
        """Takes long: clients give up on a server that does this before it answers."""
        from vlp.sdk import Agent
        from vlp.session.run import load

        return Agent.simulated(
            seed=self.seed,
            settings=settings,
            rules=self.rule,
            root=self.out,
            parts=load(self),
            world=self.world,
        )
