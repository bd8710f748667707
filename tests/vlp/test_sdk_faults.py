"""What must not move the robot through the SDK, and what must stop it; beside faults, the same without."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from executors.tabletop.simulated import SimulatedRobot
from planner import Search
from tests.vlp.small import GOAL, SMALL
from vlp import Agent, Answer
from vlp.cli.stop import Rearm, Stop
from vlp.domains.tabletop.build import TabletopParts, build
from vlp.domains.tabletop.sight import moved
from vlp.durable.journal import Journal
from vlp.durable.names import FILE
from vlp.durable.store import Store
from vlp.errors import HeldError, NoPlanError, StateError, UsageError
from vlp.events.types import Acted
from vlp.session.sdk_run import Says

MOST = SMALL.max_control_steps


@pytest.fixture(scope="module")
def parts() -> TabletopParts:
    return build(device="cpu")


@pytest.fixture
def agent(parts: TabletopParts, tmp_path: Path) -> Iterator[Agent]:
    with Agent.simulated(seed=SMALL.seed, settings=SMALL, root=tmp_path / "runs", parts=parts) as agent:
        yield agent


def sent(agent: Agent) -> int:
    return agent._robot.sent


def board(*, without: str = "", shift: float = 0.0) -> SimulatedRobot:
    """The board of the seed, one block of it taken away or the yellow star shifted, metres."""
    same = SimulatedRobot(None, seed=SMALL.seed)
    same.connect()
    blocks = {
        name: (float(xy[0]), float(xy[1]), 0.0) for name, xy in same.info["blocks"].items() if name != without
    }
    x, y, turn = blocks["yellow_star"]
    blocks["yellow_star"] = (x, y - shift if y > 0 else y + shift, turn)
    pusher = [float(value) for value in same.get_observation()["effector_translation"]]
    robot = SimulatedRobot(None, seed=SMALL.seed, layout=(blocks, (pusher[0], pusher[1])))
    robot.connect()
    return robot


# -- leaving ---------------------------------------------------------------------------------------


def test_a_slow_watcher_that_leaves_stops_the_robot(agent: Agent) -> None:
    plan = agent.plan(GOAL)
    for event in agent.stream(plan, plan.approved(by="Ada", replan="auto")):
        time.sleep(0.08)  # events pile up behind it, and the robot is not through yet
        if isinstance(event, Acted):
            break
    assert 0 < sent(agent) < MOST
    with pytest.raises(HeldError, match="whoever watched has left"):
        agent.plan(GOAL)


def test_a_watcher_that_sees_the_end_stops_nothing(agent: Agent) -> None:
    plan = agent.plan(GOAL)
    for event in agent.stream(plan, plan.approved(by="Ada", replan="auto")):
        if event.kind == "stopped":
            break
    assert sent(agent) == MOST and agent._robot.fault is None


@pytest.mark.parametrize("way", ["astream", "aexecute"])
def test_being_cancelled_stops_the_robot(agent: Agent, way: str) -> None:
    async def watch(plan: Any, approval: Any) -> None:
        if way == "aexecute":
            await agent.aexecute(plan, approval)
        else:
            async for _ in agent.astream(plan, approval):
                pass

    async def go() -> None:
        plan = await agent.aplan(GOAL)
        task = asyncio.create_task(watch(plan, plan.approved(by="Ada", replan="auto")))
        while not sent(agent):
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())
    assert 0 < sent(agent) < MOST and "has left" in str(agent._robot.fault)


def test_a_stop_finds_the_robot_by_any_of_its_runs(agent: Agent) -> None:
    first, plan = agent.plan(GOAL), agent.plan(GOAL)
    with pytest.raises(HeldError, match="a hand"):
        for event in agent.stream(plan, plan.approved(by="Ada", replan="auto")):
            if isinstance(event, Acted) and event.control_step == 3:
                Stop(run_folder=plan.path, reason="a hand").run()
    assert sent(agent) < MOST
    Rearm(run_folder=first.path).run()
    assert agent._robot.fault is None
    Stop(run_folder=agent.root).run()
    assert "stopped by the operator" in str(agent._robot.fault)


# -- approvals -------------------------------------------------------------------------------------


def test_a_rejected_plan_does_not_come_back(agent: Agent) -> None:
    plan = agent.plan(GOAL)
    first = [node.id for node in plan.tree.nodes if node.depth == 1]
    other = agent.amend(plan, Answer.reject(dict.fromkeys(first, "none of these")))
    assert other.digest != plan.digest and other.decision > plan.decision
    with pytest.raises(UsageError, match="expected the last one"):
        agent.execute(plan, plan.approved(by="Ada"))
    assert sent(agent) == 0


def test_a_change_that_leaves_no_plan_is_said(agent: Agent) -> None:
    plan = agent.plan(GOAL)
    agent._run._loop._decider._parts = replace(agent._parts, guards=(_Never(),))  # type: ignore[union-attr]
    with pytest.raises(NoPlanError, match="the plan before it waits"):
        agent.amend(plan, Answer.edit(plan.plan[0].node_id, "push the green star to the left"))
    assert agent.execute(plan, plan.approved(by="Ada"))["control_steps"] > 0


class _Never:
    def check(self, starts: Any, clips: Any, subgoals: Any) -> list[str | None]:
        return ["never"] * len(clips)


@pytest.mark.parametrize(("shift", "held"), [(0.08, True), (0.0, False)])
def test_a_block_that_was_moved_since_is_noticed(agent: Agent, shift: float, held: bool) -> None:
    agent._robot.robot = board(shift=shift)  # somebody's hand
    plan = agent.plan(GOAL, board().get_observation())
    if held:
        with pytest.raises(UsageError, match="the yellow star went 0"):
            agent.execute(plan, plan.approved(by="Ada"))
        assert sent(agent) == 0
    else:
        assert agent.execute(plan, plan.approved(by="Ada"))["control_steps"] > 0


def test_what_is_moved_in_two_pictures(parts: TabletopParts) -> None:
    before, after = (robot.get_observation()["rgb"] for robot in (board(), board(without="green_cube")))
    assert moved(parts.probe, before, before) == ""
    assert moved(parts.probe, before, after) == "the green cube went away"


def test_plans_that_follow_are_approved_only_if_sure_enough(agent: Agent) -> None:
    plan = agent.plan(GOAL)
    found = Search(plan.plan, plan.tree, "horizon", expected_success=0.65)
    approval = plan.approved(by="Ada", replan="auto")
    assert Says(approval, waits=False, least=0.7)(2, found) is None
    assert Says(approval, waits=False, least=0.6)(2, found) == Answer.approve("Ada")


def test_a_plan_on_the_disk_that_is_another_is_not_shown(agent: Agent) -> None:
    plan = agent.plan(GOAL)
    path = sorted((plan.path / "decisions" / "01").glob("clips_*.png"))[0]
    picture = np.asarray(Image.open(path)).copy()
    picture[: picture.shape[0]] ^= 1
    Image.fromarray(picture).save(path)
    with pytest.raises(StateError, match="got another"):
        type(plan).load(plan.path, plan.decision, plan.digest)


# -- rules, and what is sent -----------------------------------------------------------------------


def test_a_picture_takes_no_block_out_of_a_rule(parts: TabletopParts, tmp_path: Path) -> None:
    rules = ["never move the moons"]
    with Agent.simulated(seed=SMALL.seed, settings=SMALL, root=tmp_path, parts=parts, rules=rules) as agent:
        agent.plan("push the green star to the left", board(without="red_moon").get_observation())
        assert agent._run is not None
        assert set(agent._run._loop.parts.rules.forbidden_blocks) == {"red_moon", "blue_moon"}  # type: ignore[attr-defined]


def test_planning_sends_nothing_even_where_the_goal_seems_reached(agent: Agent) -> None:
    seen = agent.observe()["effector_target_translation"]
    with pytest.raises(NoPlanError, match="nothing to plan"):
        agent.plan(_so_already(agent))
    assert sent(agent) == 0 and np.array_equal(seen, agent.observe()["effector_target_translation"])


def _so_already(agent: Agent) -> str:
    """A push to the place where a block stands."""
    x, y = agent._robot.info["blocks"]["blue_cube"]
    rows, columns = ("top", "", "bottom"), ("left", "", "right")
    row, column = int(np.clip((x - 0.125) // 0.15, 0, 2)), int(np.clip((y + 0.3048) // 0.2032, 0, 2))
    name = " ".join(filter(None, (rows[row], columns[column]))) or "center"
    place = name if name == "center" else f"{name} {'corner' if ' ' in name else 'side'}"
    return f"push the blue cube to the {place}"


def test_a_step_that_was_refused_is_not_in_the_journal(agent: Agent) -> None:
    plan = agent.plan(GOAL)
    with pytest.raises(HeldError, match="enough"):
        for event in agent.stream(plan, plan.approved(by="Ada")):
            if isinstance(event, Acted) and event.control_step == 5:
                agent.stop("enough")
    agent.close()
    with Store(plan.path / FILE, fresh=False) as store:
        journal = Journal(store)
        assert journal.sent == journal.seen == sent(agent) < MOST
