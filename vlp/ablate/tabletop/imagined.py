"""Imagined plan: a search that goes on to its end and is then judged; nothing moves."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

from executors.tabletop.simulated import SimulatedRobot
from planner import NoPlan, Search
from vlp.agent.agent import AgentLoop
from vlp.agent.parts import Parts
from vlp.bench.episode import NoFolder
from vlp.bench.line import Line
from vlp.bench.tabletop.episode import TabletopEpisode
from vlp.bench.tabletop.judge import Judge, Step, Verdict
from vlp.domains.tabletop.build import tabletop
from vlp.events.types import Events
from vlp.models.weights import PLANNER
from vlp.record.folder import RunFolder

METHOD = "imagined-plan"


@dataclass(frozen=True)
class ImaginedPlan(TabletopEpisode):
    """A board, on which a plan is made and none of it acted.

    In its line "complete" says that the judge accepts the plan, "score" is the goal's reward in its last
    frame, and "plan" its subgoals.
    """

    @property
    def runs_on(self) -> tuple[str, ...]:
        """What the agent does: it is its own plan."""
        return PLANNER

    def measure(self, parts: Parts) -> Line:
        """Plan on the board, and ask a judge with weights of its own."""
        own = tabletop(parts)
        robot = SimulatedRobot(self.instruction, seed=self.seed, layout=self.layout)
        try:
            agent = AgentLoop(
                own, robot, self.settings, events=Events(), folder=cast("RunFolder", NoFolder())
            )
            begun = time.perf_counter()
            found = _plan(agent, self.instruction)
            seconds = time.perf_counter() - begun
            start = robot.get_observation()["rgb"]
        finally:
            robot.disconnect()
        judge = _judge(own.folder, self.settings.device)
        plan = found.plan.steps if isinstance(found, Search) else ()
        steps: list[Step] = [(step.subgoal, step.clip) for step in plan]
        verdict = judge.verdict(judge.goal(self.instruction, start), start, steps)
        return {
            "score": verdict.reward,
            "complete": bool(steps) and verdict.accepted,
            "reason": _reason(verdict, planned=bool(steps)),
            "control_steps": 0,
            "decisions": 1,
            "seconds": round(seconds, 2),
            "seconds_by_part": {"search": round(seconds, 2)},
            "plan": [step.subgoal for step in plan],
            "steps_to_go": [round(step.steps_to_go, 1) for step in plan],
            "stopped": found.stopped if isinstance(found, Search) else "no plan",
        }


def _plan(agent: AgentLoop, instruction: str) -> Search | NoPlan:
    try:
        return agent.plan(instruction)
    except NoPlan as error:
        return error


def _reason(verdict: Verdict, *, planned: bool) -> str:
    if not planned:
        return "no plan"
    if verdict.cheat:
        return verdict.cheat
    return "accepted" if verdict.accepted else "goal not reached"


@lru_cache(maxsize=1)
def _judge(weights: Path, device: str) -> Judge:
    return Judge.load(weights, device=device)
