"""A run whose goal is a sequence goes on with the step that it had come to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from executors.tabletop.simulated import SimulatedRobot
from tasks.tabletop.goals.program import ProgramGoal
from tests.vlp.small import SMALL
from vlp import Agent
from vlp.agent.parts import Parts
from vlp.domains.tabletop.build import build

BLOCKS = {"red_moon": (0.35, -0.12, 0.0), "blue_cube": (0.22, 0.22, 0.0), "green_star": (0.5, 0.2, 0.0)}
WORDS = "first move the red moon to the left, then the red moon to the right, then the green star to the left"


@pytest.fixture(scope="module")
def parts() -> Parts:
    return build(device="cpu")


def agent_on(root: Path, parts: Parts) -> Agent:
    robot = SimulatedRobot(None, seed=SMALL.seed, layout=(BLOCKS, (0.2, -0.2)), max_steps=400)
    settings = replace(SMALL, horizon=1, max_control_steps=400)
    return Agent(robot, settings=settings, root=root, parts=parts)


def goal_of(agent: Agent) -> ProgramGoal:
    assert agent._run is not None
    goal = agent._run._loop._goal
    assert isinstance(goal, ProgramGoal)
    return goal


def where(agent: Agent, parts: Parts, name: str) -> float:
    """How far to the right a block is seen, metres."""
    return float(parts.sight.scene(np.asarray(agent.observe()["rgb"]))[name][1])


def test_a_sequence_goes_on_with_the_step_that_it_had_come_to(parts: Parts, tmp_path: Path) -> None:
    """The moon stood on the left and was brought to the right: begun again, it would be brought back."""
    with agent_on(tmp_path, parts) as agent:
        plan = agent.plan(WORDS)
        assert goal_of(agent).step == 1, "what was so at the beginning is done"
        for _ in range(6):
            agent.execute(plan, plan.approved(by="Ada"))
            waiting = agent.waiting()
            assert waiting is not None
            plan = waiting
            if goal_of(agent).step == 2:
                break
        assert goal_of(agent).step == 2 and where(agent, parts, "red_moon") > 0.0
        assert all("green star" in subgoal for subgoal in plan.subgoals)
    with agent_on(tmp_path, parts) as agent:
        again = agent.resume(plan.path)
        assert again.digest == plan.digest and goal_of(agent).step == 2
        agent.execute(again, again.approved(by="Ada"))
        assert goal_of(agent).step == 2 and where(agent, parts, "red_moon") > 0.0
        if (following := agent.waiting()) is not None:
            assert not any(subgoal.startswith("push the red moon") for subgoal in following.subgoals)
