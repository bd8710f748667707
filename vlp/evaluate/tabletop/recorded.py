"""Runs that are recorded decision by decision, on a board that keeps no score for the agent: it ends where
its camera shows the goal reached, and the simulator says afterwards whether that was so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from executors.tabletop.simulated import SimulatedRobot
from executors.wrapped import UnscoredRobot
from planner import Search
from tasks.tabletop.seeing.encoder import PoseProbe
from vlp.agent.agent import AgentLoop
from vlp.agent.parts import Parts
from vlp.bench.episode import NoFolder
from vlp.bench.line import Line
from vlp.bench.tabletop.episode import TabletopEpisode
from vlp.domains.tabletop.build import tabletop
from vlp.domains.tabletop.confidence import FEATURES, features
from vlp.events.types import Event, Events, SubgoalStarted, Verified
from vlp.models.weights import PLANNER
from vlp.record.folder import RunFolder


@dataclass
class RunRecorder(NoFolder):
    """Takes the features of each plan, and whether its first subgoal ended as imagined."""

    probe: PoseProbe
    rows: list[dict[str, Any]] = field(default_factory=list)
    _first: bool = False

    def save_decision(self, number: int, found: object, seconds: float) -> None:
        """A search has ended."""
        if isinstance(found, Search):
            seen = features(found, self.probe)
            said = {name: round(float(value), 5) for name, value in zip(FEATURES, seen, strict=True)}
            self.rows.append({"decision": number, "features": said})

    def record(self, event: Event) -> None:
        """An event of the run."""
        if isinstance(event, SubgoalStarted):
            self._first = event.step == 1
        if isinstance(event, Verified) and self._first:
            self.rows[-1] |= {"outcome": event.outcome, "distance": event.distance}


@dataclass(frozen=True)
class Recorded(TabletopEpisode):
    """An episode of the agent; `method` is "recorded"."""

    @property
    def runs_on(self) -> tuple[str, ...]:
        """What the agent does."""
        return PLANNER

    def measure(self, parts: Parts) -> Line:
        """Its decisions, and whether the agent took the goal for reached and it was."""
        own = tabletop(parts)
        robot = SimulatedRobot(self.instruction, seed=self.seed, layout=self.layout,
                               max_steps=self.settings.max_control_steps)  # fmt: skip
        recorder, events = RunRecorder(own.probe), Events()
        events.subscribe(recorder.record)
        folder = cast("RunFolder", recorder)
        try:
            result = AgentLoop(own, UnscoredRobot(robot), self.settings, events=events, folder=folder).run(
                self.instruction
            )
        finally:
            robot.disconnect()
        return {
            "reason": result["reason"],
            "control_steps": result["control_steps"],
            "seconds": result["seconds"],
            "score": float(robot.info["score"]),
            "best": float(robot.info["best"]),
            "decisions": [row for row in recorder.rows if "outcome" in row],
        }
