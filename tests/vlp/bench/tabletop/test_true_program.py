"""The bounds of programs: true places and true control steps behind real and imagined frames."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from executors.tabletop.simulated import SimulatedRobot
from planner import Value
from tasks.tabletop.goals.goal import understand
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.language import spot_words
from tasks.tabletop.rules import BoardRules
from vlp.bench.tabletop.shown_simulator import ShownSimulator
from vlp.bench.tabletop.true_program import MOST, TrueBoards, TrueProgramValue, Way
from vlp.domains.tabletop.arranged_parts import ArrangedProposer, Arranger

TEXT = "put the red moon on the left"
LAYOUT = ({"red_moon": (0.35, 0.15, 0.0), "blue_cube": (0.35, -0.15, 0.0)}, (0.3, 0.0))


@pytest.fixture
def video() -> Iterator[ShownSimulator]:
    robot = SimulatedRobot(TEXT, seed=0, layout=LAYOUT)
    robot.connect()
    with closing(ShownSimulator(robot)) as video:
        yield video
    robot.disconnect()


def arranger(video: ShownSimulator) -> Arranger:
    goal = understand(TEXT, {name: np.array(pose[:2]) for name, pose in LAYOUT[0].items()})
    assert isinstance(goal, ProgramGoal)
    return Arranger(TrueBoards(video), goal, BoardRules())


def real(video: ShownSimulator) -> np.ndarray:
    return np.asarray(video._robot.get_observation()["rgb"])


def test_boards_are_seen_as_they_are_also_where_they_are_imagined(video: ShownSimulator) -> None:
    frame = real(video)
    clip = video.imagine(frame[None], [spot_words("red_moon", np.array([0.35, 0.0]))], [0])
    before, after = TrueBoards(video).blocks_of(np.stack([frame, clip[0, -1]]))
    assert before["red_moon"] == pytest.approx((0.35, 0.15), abs=0.002)
    assert after["red_moon"] == pytest.approx((0.35, 0.0), abs=0.015)
    with pytest.raises(KeyError):
        TrueBoards(video).blocks_of(frame[None] + 1)


@pytest.mark.parametrize("way", ["arrangement", "played"])
def test_steps_to_go_fall_on_the_way_and_are_none_at_the_end(video: ShownSimulator, way: Way) -> None:
    frame, found = real(video), arranger(video)
    value = TrueProgramValue(video, found, way)
    assert isinstance(value, Value)
    halfway = video.imagine(frame[None], [spot_words("red_moon", np.array([0.35, 0.09]))], [0])[:, -1]
    ((proposal, *_),) = ArrangedProposer(found).propose(halfway, TEXT, [["x"]], 4, seed=0)
    there = video.imagine(halfway, [proposal.text], [1])[:, -1]
    boards = np.concatenate([frame[None], halfway, there])
    steps = value.steps_to_go(boards, TEXT).mean
    assert 0 < steps[1] < steps[0] < MOST and steps[2] == 0.0
    assert (steps == value.steps_to_go(boards, TEXT).mean).all()
