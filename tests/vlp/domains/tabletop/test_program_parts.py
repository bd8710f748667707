"""Programs carried out by what learned to, to their end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from executors.tabletop.simulated import SimulatedRobot
from tasks.tabletop.goals.goal import understand
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.rules import read_rules
from tasks.tabletop.world.layout import random_layout
from vlp.agent.agent import AgentLoop
from vlp.bench.episode import NoFolder
from vlp.domains.tabletop import Tabletop
from vlp.domains.tabletop.arranged_parts import ArrangedProposer, ArrangedValue
from vlp.domains.tabletop.build import TabletopParts, build
from vlp.domains.tabletop.program_parts import StepProposer, StepValue, arranged, toward
from vlp.domains.tabletop.rules import RuledProposer
from vlp.events.types import Events
from vlp.record.folder import RunFolder
from vlp.settings import Settings

SEED = 1_000_000
BOARD = {name: np.array(pose[:2]) for name, pose in random_layout(np.random.default_rng(SEED))[0].items()}
TEXT = "stars on the left, moons on the right"


@pytest.fixture(scope="module")
def parts() -> TabletopParts:
    return build(device="cpu")


def program(text: str = TEXT) -> ProgramGoal:
    goal = understand(text, BOARD)
    assert isinstance(goal, ProgramGoal)
    return goal


def test_only_programs_have_parts_of_their_own(parts: TabletopParts) -> None:
    for text in ("group the blocks by color", "push the red moon to the left"):
        assert parts.toward(parts, understand(text, BOARD)) is parts
    own = parts.toward(parts, program())
    assert isinstance(own.proposer, StepProposer) and isinstance(own.value, StepValue)
    assert own.video is parts.video and own.guards == parts.guards and own.success is None
    ruled = Tabletop().under_rules(parts, read_rules(["never move the green star"], sorted(BOARD)))
    assert isinstance(ruled.toward(ruled, program()).proposer, RuledProposer)


def test_nothing_of_the_script_carries_a_program_out(
    parts: TabletopParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was learned neither arranges nor asks a relation where it wants its blocks."""
    own, frame = parts.toward(parts, program()), SimulatedRobot(TEXT, seed=SEED)
    frame.connect()
    picture = np.asarray(frame.get_observation()["rgb"])[None]
    frame.disconnect()
    for relation in program().program.relations:
        monkeypatch.setattr(type(relation), "wanted", None)
        monkeypatch.setattr(type(relation), "reward", None)
    assert own.proposer.propose(picture, TEXT, [()], 4, seed=0)[0]
    assert own.value.steps_to_go(picture, TEXT).mean[0] > 0


def test_a_step_that_is_a_long_task_is_left_to_the_vlm(parts: TabletopParts) -> None:
    """By the network alone none of five boards was grouped: such steps are rare among random programs."""
    goal = program("first group the blocks by color, then put the red moon on the left")
    own: Any = parts.toward(parts, goal)
    robot = SimulatedRobot(TEXT, seed=SEED)
    robot.connect()
    picture = np.asarray(robot.get_observation()["rgb"])[None]
    robot.disconnect()
    first = own.proposer.propose(picture, goal.text, [()], 4, seed=0)[0]
    assert first == parts.proposer.propose(picture, "group the blocks by color", [()], 4, seed=0)[0]
    steps = own.value.steps_to_go(picture, goal.text).mean[0]
    assert steps > parts.value.steps_to_go(picture, "group the blocks by color").mean[0]
    none: Any = None  # another VLM is not asked for it
    other = replace(parts, proposer=none, value=none)
    assert other.toward(other, goal).proposer.propose(picture, goal.text, [()], 4, seed=0)[0] == first
    goal.step = 1
    assert all("to the spot" in p.text for p in own.proposer.propose(picture, goal.text, [()], 4, seed=0)[0])


def test_the_script_stands_beside_it_to_be_compared_to(parts: TabletopParts) -> None:
    own = toward(arranged)(parts, program())
    assert isinstance(own.proposer, ArrangedProposer) and isinstance(own.value, ArrangedValue)


def test_rules_hold_for_what_is_proposed(parts: TabletopParts) -> None:
    ruled = Tabletop().under_rules(parts, read_rules(["never move the green star"], sorted(BOARD)))
    own: Any = ruled.toward(ruled, program("put the red moon on the left"))
    robot = SimulatedRobot(TEXT, seed=SEED)
    robot.connect()
    picture = np.asarray(robot.get_observation()["rgb"])[None]
    robot.disconnect()
    texts = [p.text for seed in range(4) for p in own.proposer.propose(picture, "", [()], 8, seed=seed)[0]]
    assert texts and not any("push the green star" in text for text in texts)


@pytest.mark.parametrize(
    "text",
    [
        "put the red moon at x 40 y 10 within 3 cm",
        "put the green star and the red moon on the right",
        "first put the red moon on the left, then the blue moon on the right",
    ],
)
def test_a_program_is_carried_out_by_the_simulators_verdict(text: str, parts: TabletopParts) -> None:
    settings = Settings(
        seed=SEED, beams=1, language_branches=4, video_branches=2, horizon=1, max_control_steps=600,
        device="cpu",
    )  # fmt: skip
    robot = SimulatedRobot(text, seed=SEED, max_steps=settings.max_control_steps)
    robot.connect()
    assert robot.info["score"] < 1.0
    agent = AgentLoop(parts, robot, settings, events=Events(), folder=cast(RunFolder, NoFolder()))
    result = agent.run(text)
    robot.disconnect()
    assert result["complete"] and result["judged_by"] == "simulator" and result["score"] == 1.0


def test_without_its_parts_the_test_above_would_fail(parts: TabletopParts) -> None:
    """A program is nothing that the bundled VLM knows: by its proposals alone the goal is not reached."""
    text = "put the red moon at x 40 y 10 within 3 cm"
    settings = Settings(
        seed=SEED, beams=1, language_branches=2, video_branches=1, horizon=1, max_control_steps=40,
        device="cpu",
    )  # fmt: skip
    robot = SimulatedRobot(text, seed=SEED, max_steps=settings.max_control_steps)
    robot.connect()
    plain = replace(parts, toward=lambda given, goal: given)
    agent = AgentLoop(plain, robot, settings, events=Events(), folder=cast(RunFolder, NoFolder()))
    assert not agent.run(text)["complete"]
    robot.disconnect()
