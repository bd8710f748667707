"""The agent on the bundled weights in the real simulator, kept short."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from executors.follow.follower import Followed
from executors.tabletop.simulated import SimulatedRobot
from planner import NoPlan
from tasks.tabletop.language import UnknownInstruction
from vlp.agent.agent import AgentLoop
from vlp.agent.parts import Parts
from vlp.agent.sense import HOLD
from vlp.domains.tabletop.build import build
from vlp.events.types import Events, SubgoalStarted, read_events
from vlp.record.folder import RunFolder
from vlp.settings import Settings

GOAL = "group the blocks by color"
SMALL = Settings(
    seed=1_000_002, beams=1, language_branches=2, video_branches=2, horizon=2, max_control_steps=30
)


@pytest.fixture(scope="module")
def parts() -> Parts:
    return build(device="cpu")


def agent_on(parts: Parts, folder: RunFolder, goal: str, settings: Settings = SMALL) -> AgentLoop:
    robot = SimulatedRobot(goal, seed=settings.seed, max_steps=settings.max_control_steps)
    events = Events()
    events.subscribe(folder.record)
    return AgentLoop(parts, robot, settings, events=events, folder=folder)


def test_a_run_leaves_what_it_promises(parts: Parts, tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, "run") as folder:
        result = agent_on(parts, folder, GOAL).run(GOAL)
        folder.finish(result)
    assert 1 <= result["control_steps"] <= 30 and result["decisions"] >= 1
    kinds = {event.kind for event in read_events(folder.path / "events.jsonl")}
    assert {"run_started", "observed", "searched", "subgoal_started", "acted", "verified", "stopped"} <= kinds
    saved = json.loads((folder.path / "result.json").read_text())
    assert saved["task"] == GOAL and set(saved["models"]) >= {"vlm", "denoiser", "policy"}
    assert saved["seconds_by_part"]["video"] > 0
    for name in ("report.html", "execution.mp4", "decisions/01/tree.json"):
        assert (folder.path / name).stat().st_size > 0


def test_plans_that_move_nothing_come_to_an_end(parts: Parts, tmp_path: Path) -> None:
    """A clip in which nothing moves is followed without a step; it must not be followed for ever."""

    class Still:
        def imagine(self, frames: np.ndarray, subgoals: object, seeds: object) -> np.ndarray:
            return np.repeat(frames[:, None], 8, 1)

    frozen = replace(parts, video=Still(), guards=(), close_guards=(), max_value_gain=None)
    settings = replace(SMALL, language_branches=1, video_branches=1, horizon=1)
    with RunFolder.create(tmp_path, "run") as folder:
        result = agent_on(frozen, folder, GOAL, settings).run(GOAL)
    assert result["reason"].startswith("no plan moved anything, 20 times in a row")
    assert result["decisions"] == 20 and result["control_steps"] == 0 and not result["complete"]


def test_planning_moves_nothing_and_follows_the_seed(parts: Parts, tmp_path: Path) -> None:
    plans = []
    for name in ("a", "b"):
        with RunFolder.create(tmp_path, name) as folder:
            agent = agent_on(parts, folder, GOAL)
            agent.robot.connect()
            before = agent.robot.get_observation()
            plans.append(agent.plan(GOAL))
            after = agent.robot.get_observation()
            folder.finish({})
        assert (before["rgb"] == after["rgb"]).all()
        assert (before["effector_target_translation"] == after["effector_target_translation"]).all()
    assert plans[0].plan.subgoals == plans[1].plan.subgoals
    assert all(np.array_equal(a.clip, b.clip) for a, b in zip(plans[0].plan, plans[1].plan, strict=True))


def test_an_unknown_instruction_is_refused_and_nothing_moves(parts: Parts, tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, "run") as folder:
        agent = agent_on(parts, folder, GOAL)
        agent.robot.connect()
        before = agent.robot.get_observation()["effector_target_translation"]
        with pytest.raises(UnknownInstruction):
            agent.run("make me a sandwich")
        assert (agent.robot.get_observation()["effector_target_translation"] == before).all()
        folder.finish({})


class RejectAll:
    """A guard that lets nothing pass."""

    def check(self, starts: np.ndarray, clips: np.ndarray, subgoals: Sequence[str]) -> list[str | None]:
        return ["refused for the test"] * len(clips)


def test_when_all_branches_are_rejected_nothing_moves(parts: Parts, tmp_path: Path) -> None:
    strict = replace(parts, guards=(RejectAll(),))
    with (
        RunFolder.create(tmp_path, "plan") as folder,
        pytest.raises(NoPlan, match="all 4 branches were rejected"),
    ):
        agent_on(strict, folder, GOAL).plan(GOAL)
    with RunFolder.create(tmp_path, "run") as folder:
        result = agent_on(strict, folder, GOAL).run(GOAL)
        folder.finish(result)
    assert result["control_steps"] == 0 and "no plan" in result["reason"]


@pytest.mark.parametrize("stays", [False, True])
def test_a_goal_that_was_only_glimpsed_is_not_done(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stays: bool
) -> None:
    """It is seen reached when the agent looks first; after it stood still, as the camera shows it then."""
    with RunFolder.create(tmp_path, "run") as folder:
        agent = agent_on(parts, folder, GOAL)
        agent._begin(GOAL)
        looks: list[int] = []

        def seen(*, surely: bool = True) -> bool:
            looks.append(agent._steps)
            return agent._steps == 0 or stays

        monkeypatch.setattr(agent, "_seen_done", seen)
        went = agent._observe({"go": "observe", "decision": 0})
        assert went["go"] == ("end" if stays else "search")
        assert looks == [0, HOLD] and agent._steps == HOLD, "it was looked at again after it stood still"
        folder.finish({})


class Perfect:
    """Follows every clip to its end, in a step that stands still."""

    def __init__(self, agent: AgentLoop) -> None:
        self._agent, self.followed = agent, list[np.ndarray]()

    def follow(self, clip: np.ndarray, watch: Any, finished: Any = None, *, words: str = "") -> Followed:
        self.followed.append(clip)
        still = np.zeros(2, np.float32)
        self._agent.robot.send_action(still)
        watch(0, still, still, self._agent._frame())
        return Followed("followed", 1, 0.001, clip[:1], off=(0.001,))


def test_a_plan_that_goes_as_imagined_is_acted_on_to_its_end(parts: Parts, tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, "run") as folder:
        agent = agent_on(parts, folder, GOAL, replace(SMALL, max_control_steps=3))
        perfect = Perfect(agent)
        agent._runtime = perfect
        folder.finish(agent.run(GOAL))
    plan = folder.search(1).plan
    assert len(plan) == 2, "expected a plan of two pushes"
    begun = [e for e in read_events(folder.path / "events.jsonl") if isinstance(e, SubgoalStarted)]
    assert [(e.decision, e.step, e.subgoal) for e in begun[:2]] == [
        (1, 1, plan[0].subgoal),
        (1, 2, plan[1].subgoal),
    ]
    assert all(np.array_equal(a, b.clip) for a, b in zip(perfect.followed[:2], plan, strict=True))
    assert [path.name for path in sorted(folder.path.glob("decisions/01/acted_*.json"))] == [
        "acted_01.json",
        "acted_02.json",
    ]


class Stalling(Perfect):
    """Comes to nothing, but for every third clip."""

    def follow(self, clip: np.ndarray, watch: Any, finished: Any = None, *, words: str = "") -> Followed:
        super().follow(clip, watch, finished, words=words)
        outcome = "stalled" if len(self.followed) % 3 else "parted"
        return Followed(outcome, 1, 1.0, clip[:1], "nothing moved", off=(1.0,))


def test_what_came_to_nothing_is_not_tried_again_until_something_did(parts: Parts, tmp_path: Path) -> None:
    settings = replace(SMALL, max_control_steps=4, language_branches=1, video_branches=1, horizon=1)
    with RunFolder.create(tmp_path, "run") as folder:
        agent = agent_on(parts, folder, GOAL, settings)
        agent._runtime = Stalling(agent)
        folder.finish(agent.run(GOAL))
    begun = [e.subgoal for e in read_events(folder.path / "events.jsonl") if isinstance(e, SubgoalStarted)]
    assert len(begun) == 4 and len(set(begun[:3])) == 3, begun
