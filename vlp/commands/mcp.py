"""`vlp mcp`: the planner for other agents, over MCP."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import arg

from vlp.approving import Approve
from vlp.commands.process import stdout_for_result
from vlp.errors import UsageError
from vlp.settings import Device, Settings


@dataclass(frozen=True, kw_only=True)
class Mcp:
    """Serve the planner to another agent over stdin and stdout (Model Context Protocol)."""

    uses_torch: ClassVar[bool] = True

    seed: int = 0
    """Of the board and of the search."""
    approve: Approve = "ask"
    """ask the person at the client before a plan is acted on; auto: whoever starts this has approved all."""
    rule: Annotated[tuple[str, ...], arg(metavar="WORDS", help_behavior_hint="")] = ()
    """Standing rules, such as "never move the red star"; no client can take them away."""
    beams: int = 2
    """Branches kept at each level."""
    language_branches: int = 4
    """Subgoals proposed for each beam."""
    video_branches: int = 4
    """Clips imagined for each subgoal."""
    max_control_steps: int = 1500
    """Control steps of 0.1 s an instruction."""
    device: Device = "auto"
    """Where models run; auto takes a GPU when there is one."""
    out: Path = Path("runs/mcp")
    """Folder of the plans, and of the robot's stop and lease."""

    def run(self) -> int:
        settings = Settings(
            seed=self.seed,
            beams=self.beams,
            language_branches=self.language_branches,
            video_branches=self.video_branches,
            max_control_steps=self.max_control_steps,
            device=self.device,
        )
        if find_spec("mcp") is None:
            raise UsageError(
                "mcp: expected the package mcp, got none; pip install 'video-language-planner[mcp]'"
            )
        with stdout_for_result():  # what libraries print while they load would not be MCP
            from vlp.mcp_server import serve
            from vlp.sdk import Agent

            agent = Agent.simulated(seed=self.seed, settings=settings, rules=self.rule, root=self.out)
        with agent:
            serve(agent, self.approve)
        return 0
