"""The SDK on the bundled weights and the real simulator; its docstring is run as it stands."""

from __future__ import annotations

import asyncio
import doctest
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import vlp
import vlp.sdk
from executors.tabletop.simulated import SimulatedRobot
from executors.wrapped import WrappedRobot
from tests.vlp.small import GOAL, SMALL
from vlp import Agent, Answer
from vlp.agent.parts import Parts
from vlp.domains.tabletop.build import build
from vlp.errors import HeldError, InstructionError, NoPlanError, UsageError
from vlp.events.types import Acted, Answered, Event
from vlp.record.plan import Approval, SavedPlan


@pytest.fixture(scope="module")
def parts() -> Parts:
    return build(device="cpu")


@pytest.fixture
def agent(parts: Parts, tmp_path: Path) -> Iterator[Agent]:
    with Agent.simulated(seed=SMALL.seed, settings=SMALL, root=tmp_path / "runs", parts=parts) as agent:
        yield agent


def where(agent: Agent) -> list[float]:
    return [float(x) for x in agent._robot.get_observation()["effector_target_translation"]]


def test_the_docstring_is_true(tmp_path: Path) -> None:
    names = {"SMALL": SMALL, "ROOT": tmp_path}
    found = doctest.DocTestFinder(recurse=False).find(vlp.sdk, "vlp.sdk", extraglobs=names)
    results = [doctest.DocTestRunner().run(test) for test in found]
    assert sum(result.attempted for result in results) >= 3 and not sum(result.failed for result in results)


def test_a_plan_moves_nothing_and_an_approved_one_is_acted_on(agent: Agent) -> None:
    before = where(agent)
    plan = agent.plan(GOAL)
    assert where(agent) == before and len(plan.subgoals) >= 1
    assert SavedPlan.load(plan.path, plan.decision, plan.digest).subgoals == plan.subgoals
    result = agent.execute(plan, plan.approved(by="Ada"))
    assert result["control_steps"] == SMALL.max_control_steps and where(agent) != before
    agent.close()
    kept = json.loads((plan.path / "result.json").read_text())
    assert kept["status"] == "finished" and kept["models"] and (plan.path / "report.html").exists()
    assert '"approved by Ada"' in (plan.path / "events.jsonl").read_text()


def test_another_plan_s_approval_moves_nothing(agent: Agent) -> None:
    plan, before = agent.plan(GOAL), where(agent)
    with pytest.raises(UsageError, match="got one of another"):
        agent.execute(plan, Approval("0" * 64, "Ada"))
    with pytest.raises(UsageError, match="expected who approves"):
        plan.approved(by=" ")
    other = agent.plan(GOAL)
    with pytest.raises(UsageError, match="expected the last one"):
        agent.execute(plan, plan.approved(by="Ada"))
    assert where(agent) == before and other.subgoals == plan.subgoals, "the same board and seed"


def test_a_plan_for_another_board_is_not_acted_on(agent: Agent) -> None:
    elsewhere = SimulatedRobot(GOAL, seed=1_000_009)
    elsewhere.connect()
    plan, before = agent.plan(GOAL, elsewhere.get_observation()), where(agent)
    assert np.array_equal(plan.frame, elsewhere.get_observation()["rgb"])
    with pytest.raises(UsageError, match="the red moon went"):
        agent.execute(plan, plan.approved(by="Ada"))
    assert where(agent) == before


def test_a_plan_is_changed_before_it_is_approved(agent: Agent) -> None:
    plan = agent.plan(GOAL)
    first = plan.plan[0].node_id
    other = agent.amend(plan, Answer.reject({first: "too near"}))
    assert other.digest != plan.digest and where(agent)
    told = agent.why(other, first)
    assert told.rejected == "rejected by the operator: too near" and "was rejected" in told.words
    assert told.picture.dtype == np.uint8 and told.picture.shape[0] > 96 * len(other.plan)
    picked = agent.amend(other, Answer.pick(other.plan[0].node_id))
    assert picked.subgoals[0] == other.subgoals[0]
    with pytest.raises(ValueError, match="expected an instruction"):
        agent.amend(picked, Answer.edit(0, "do a dance"))


def test_events_are_streamed_and_leaving_stops_the_robot(agent: Agent) -> None:
    plan = agent.plan(GOAL)
    seen: list[Event] = []
    for event in agent.stream(plan, plan.approved(by="Ada")):
        seen.append(event)
        if isinstance(event, Acted) and event.control_step == 5:
            break
    assert any(isinstance(event, Answered) for event in seen)
    still = where(agent)
    with pytest.raises(HeldError, match="whoever watched has left"):
        agent.plan(GOAL)
    agent.rearm()
    assert agent.plan(GOAL).subgoals and where(agent) == still


def test_a_stop_ends_what_is_under_way(agent: Agent) -> None:
    plan = agent.plan(GOAL)
    with pytest.raises(HeldError, match="enough"):
        for event in agent.stream(plan, plan.approved(by="Ada", replan="auto")):
            if isinstance(event, Acted) and event.control_step == 3:
                agent.stop("enough")


def test_the_async_twins_do_the_same(agent: Agent) -> None:
    async def go() -> list[Event]:
        plan = await agent.aplan(GOAL)
        return [event async for event in agent.astream(plan, plan.approved(by="Ada"))]

    kinds = {event.kind for event in asyncio.run(go())}
    assert {"answered", "acted", "verified", "stopped"} <= kinds


def test_what_is_not_understood_moves_nothing(agent: Agent, parts: Parts, tmp_path: Path) -> None:
    before = where(agent)
    with pytest.raises(InstructionError):
        agent.plan("make me a sandwich")
    with pytest.raises(HeldError, match="expected a robot that is free"):
        Agent.simulated(seed=3, settings=SMALL, root=tmp_path / "runs", parts=parts)
    assert where(agent) == before


def test_rules_hold_for_every_plan(parts: Parts, tmp_path: Path) -> None:
    rules = ["never move the red moon"]
    with Agent.simulated(seed=SMALL.seed, settings=SMALL, root=tmp_path, parts=parts, rules=rules) as agent:
        with pytest.raises(InstructionError, match="asks to move the red moon"):
            agent.plan("push the red moon to the top left corner")
        try:
            plan = agent.plan(GOAL)
        except NoPlanError:
            return
        assert not any("the red moon next" in node.subgoal for node in plan.tree.nodes)


class Noting(WrappedRobot):
    """Notes what it is sent."""

    def __init__(self) -> None:
        super().__init__(SimulatedRobot(None, seed=SMALL.seed))
        self.sent: list[list[float]] = []

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        self.sent.append([float(x) for x in action])
        return super().send_action(action)


@pytest.mark.parametrize(("seconds", "holds"), [(0.05, True), (None, False)])
def test_a_robot_that_hears_nothing_is_told_to_stay(
    parts: Parts, tmp_path: Path, seconds: float | None, holds: bool
) -> None:
    robot = Noting()
    with Agent(robot, settings=SMALL, root=tmp_path, parts=parts, command_timeout=seconds) as agent:
        agent.plan(GOAL)  # takes seconds, and sends nothing by itself
    assert robot.sent == ([[0.0, 0.0]] if holds else [])


def test_names_are_looked_up_when_they_are_used() -> None:
    assert all(hasattr(vlp, name) for name in vlp.__all__)
    with pytest.raises(AttributeError, match="expected one of Agent"):
        _ = vlp.Robot
