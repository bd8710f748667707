"""Whose word it is that a goal is reached: the simulator's where it scores that goal, else the camera's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from executors.tabletop.simulated import SimulatedRobot
from tasks.tabletop.world.board import BLOCK_8
from tasks.tabletop.world.layout import Layout
from tests.vlp.small import SMALL
from vlp import Agent as SdkAgent
from vlp.agent.agent import AgentLoop
from vlp.bench.episode import NoFolder
from vlp.domains.tabletop.build import TabletopParts, build
from vlp.errors import NoPlanError
from vlp.events.types import Events, Stopped, read_events
from vlp.events.words import line
from vlp.record.folder import RunFolder

LEFT = "move all blocks to the left side"
GROUP = "group the blocks by color"
ON_THE_LEFT: Layout = (
    {kind: (0.2 + 0.04 * i, -0.2 + 0.05 * (i % 2), 0.0) for i, kind in enumerate(BLOCK_8)},
    (0.3, 0.2),
)


@pytest.fixture(scope="module")
def parts() -> TabletopParts:
    return build(device="cpu")


def run(parts: TabletopParts, root: Path, scored: str | None, asked: str = LEFT) -> dict[str, Any]:
    """A run on a board on which the blocks are on the left already."""
    robot = SimulatedRobot(scored, seed=1, layout=ON_THE_LEFT, max_steps=SMALL.max_control_steps)
    events = Events()
    with RunFolder.create(root, "run") as folder:
        events.subscribe(folder.record)
        result = AgentLoop(parts, robot, SMALL, events=events, folder=folder).run(asked)
        folder.finish(result)
    robot.disconnect()
    return result


@pytest.mark.parametrize("scored", [None, GROUP], ids=["nothing", "another goal"])
def test_a_goal_that_nobody_scores_is_done_in_the_camera_s_word(
    scored: str | None, parts: TabletopParts, tmp_path: Path
) -> None:
    result = run(parts, tmp_path, scored)
    said = {name: result[name] for name in ("complete", "judged_by", "score", "reason")}
    assert said == {"complete": True, "judged_by": "camera", "score": None, "reason": "done"}
    stopped = read_events(tmp_path / "run" / "events.jsonl")[-1]
    assert isinstance(stopped, Stopped) and stopped.complete and stopped.judged_by == "camera"
    assert "complete, as the camera shows it" in str(line(stopped))
    assert "nobody kept score" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_a_goal_that_the_simulator_scores_is_done_in_its_word(parts: TabletopParts, tmp_path: Path) -> None:
    result = run(parts, tmp_path, LEFT)
    said = {name: result[name] for name in ("complete", "judged_by", "score", "reason")}
    assert said == {"complete": True, "judged_by": "simulator", "score": 1.0, "reason": "complete"}
    assert "nobody kept score" not in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_a_goal_that_is_not_reached_is_not_complete_whoever_judges(
    parts: TabletopParts, tmp_path: Path
) -> None:
    right = "move all blocks to the right side"
    for scored, judge in ((None, "camera"), (right, "simulator")):
        result = run(parts, tmp_path / judge, scored, right)
        assert (result["complete"], result["judged_by"]) == (False, judge)
        assert (result["score"] is None) is (judge == "camera")


def test_the_sdk_says_whose_word_it_is(parts: TabletopParts, tmp_path: Path) -> None:
    robot = SimulatedRobot(None, seed=1, layout=ON_THE_LEFT, max_steps=SMALL.max_control_steps)
    agent = SdkAgent(robot, settings=SMALL, root=tmp_path, parts=parts)
    with agent, pytest.raises(NoPlanError, match="nothing to plan: done"):
        agent.plan(LEFT)
    (path,) = tmp_path.glob("*/result.json")
    said = json.loads(path.read_text(encoding="utf-8"))
    assert (said["complete"], said["judged_by"], said["score"]) == (True, "camera", None)


def test_a_push_is_not_scored_by_where_its_block_was_before_the_run(parts: TabletopParts) -> None:
    """Its numbers were fixed at the reset: the same words ask for something else on a later board."""
    words = "push the red moon to the left"
    robot = SimulatedRobot(words, seed=SMALL.seed)
    robot.connect()

    def begun() -> AgentLoop:
        agent = AgentLoop(parts, robot, SMALL, events=Events(), folder=cast("RunFolder", NoFolder()))
        agent._begin(words)
        return agent

    assert begun()._judge == "simulator"
    robot.send_action(np.zeros(2, np.float32))
    robot.terminated = True
    again = begun()
    assert again._judge == "camera" and not again._ended() and again._score() is None
    robot.disconnect()
