"""Programs of relations demonstrated with pictures: what is said is what is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.tabletop.demos.arranged import Arranged
from tasks.tabletop.demos.lerobot_read import RecordedEpisode, read_episodes
from tasks.tabletop.demos.program import PROGRAM, TIMELAPSE_PROGRAM, collect_programs, lapsed, worded
from tasks.tabletop.demos.sentences import sentence
from tasks.tabletop.demos.timelapse import FPS
from tasks.tabletop.goals.goal import understand
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.goals.relations import AtPlace, InArea, Near, Relation, Side, Together
from tasks.tabletop.language import canonical, parse
from tasks.tabletop.world import board
from tasks.tabletop.world.world import World
from tests.tasks.tabletop.demos.conftest import drawn_as_dots

Places = dict[str, np.ndarray[Any, Any]]
MOON, CUBE = "red_moon", "blue_cube"


Said = tuple[RecordedEpisode, str]


@pytest.fixture(scope="module")
def said() -> list[Said]:
    """Episodes, each with the sentence that was drawn for it."""
    world, found, drawn = World(), [], []

    def telling(rng: np.random.Generator, blocks: Places, most: int) -> str:
        drawn.append(sentence(rng, blocks, most))
        return drawn[-1]

    with drawn_as_dots(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.tabletop.demos.program.sentence", telling)
        for seed in range(24):
            found.append((lapsed(world, seed), drawn[-1]))
    world.close()
    return found


@pytest.fixture(scope="module")
def episodes(said: list[Said]) -> list[RecordedEpisode]:
    return [episode for episode, _ in said]


def centers(episode: RecordedEpisode, frame: int) -> Places:
    poses = episode.blocks[frame]
    return {name: poses[k, :2] for k, name in enumerate(board.KINDS) if np.isfinite(poses[k, 0])}


def test_the_task_holds_in_the_end_and_not_before(said: list[Said]) -> None:
    good = [(episode, text) for episode, text in said if episode.success]
    assert len(good) > 14 and {episode.source for episode, _ in good} == {TIMELAPSE_PROGRAM}
    for episode, text in good:
        goal = understand(text, centers(episode, 0))
        assert isinstance(goal, ProgramGoal) and goal.plain == episode.instruction
        reached = [goal.reward(centers(episode, k), (0.35, 0.0)) for k in range(len(episode.rgb))]
        assert reached[-1] >= 1.0 > max(reached[:-1])


def test_every_push_is_said_in_words_that_can_be_asked_for(episodes: list[RecordedEpisode]) -> None:
    families = set()
    for episode in episodes:
        there = sorted(centers(episode, 0))
        for text in dict.fromkeys(episode.subgoal):
            asked = parse(text, there)
            families.add(asked.family)
            assert canonical(asked) == text
    known = {"block2spot", "block2area", "block2block", "block2block_relative_location"}
    assert {"block2spot", "block2block"} <= families <= known


def test_nothing_is_explained_in_brackets(episodes: list[RecordedEpisode]) -> None:
    assert not [e.instruction for e in episodes if "(" in e.instruction]
    assert any("together" in e.instruction for e in episodes)


@pytest.mark.parametrize(
    ("relation", "spot", "said"),
    [
        (InArea((MOON,), "left"), (0.35, -0.2), "push the red moon into the left half"),
        (InArea((MOON,), "center"), (0.35, 0.0), "push the red moon to the spot x 35 y 0"),
        (Near((MOON,), (CUBE,)), (0.3, 0.16), "push the red moon next to the blue cube"),
        (Together((MOON, CUBE)), (0.3, 0.16), "push the red moon next to the blue cube"),
        (Side((MOON,), "left", (CUBE,)), (0.3, 0.12), "push the red moon to the left side of the blue cube"),
        (Side((MOON,), "left", (CUBE,)), (0.5, -0.1), "push the red moon to the spot x 50 y -10"),
        (AtPlace(MOON, 0.35, -0.004), (0.35, -0.004), "push the red moon to the spot x 35 y 0"),
        (AtPlace(MOON, 0.578, 0.304), (0.578, 0.304), "push the red moon to the spot x 57 y 30"),
    ],
)
def test_a_push_is_said_by_what_it_does(relation: Relation, spot: tuple[float, float], said: str) -> None:
    blocks = {MOON: np.array([0.45, 0.05]), CUBE: np.array([0.3, 0.2])}
    arranged = Arranged(blocks, {**blocks, MOON: np.array(spot)}, (relation,))
    told = canonical(worded(arranged, MOON, np.array(spot)))
    assert told == canonical(parse(said, sorted(blocks)))
    # On the way there, and of what is so already, only the spot is said.
    for wanted, start in ((np.array([0.2, 0.2]), blocks[MOON]), (np.array(spot), np.array(spot))):
        here = {**blocks, MOON: start}
        arranged = Arranged(here, {**here, MOON: wanted}, (relation,))
        assert worded(arranged, MOON, np.array(spot)).family == "block2spot"


def test_demonstrations_are_a_function_of_their_seed(tmp_path: Path) -> None:
    """Whatever was demonstrated before."""
    for physics, source, rate in ((True, PROGRAM, board.CONTROL_HZ), (False, TIMELAPSE_PROGRAM, FPS)):
        both, last = tmp_path / f"both-{rate}", tmp_path / f"last-{rate}"
        with drawn_as_dots():
            collect_programs(both, episodes=2, first_seed=5, physics=physics)
            collect_programs(last, episodes=1, first_seed=6, physics=physics)
        assert f'"fps": {rate}' in (last / "meta/info.json").read_text()
        one, other = list(read_episodes(both))[1], next(iter(read_episodes(last)))
        assert one.instruction == other.instruction and one.subgoal == other.subgoal
        np.testing.assert_array_equal(one.action, other.action)
        np.testing.assert_array_equal(one.blocks, other.blocks)
        assert one.source in (source, "failure") and len(one.rgb) > 1
