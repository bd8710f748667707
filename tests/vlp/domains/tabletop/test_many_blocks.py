"""From one block to sixteen: what the models can't do with is refused before anything moves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from executors.tabletop.simulated import SimulatedRobot
from planner import Frames
from tasks.tabletop.goals.goal import understand
from tasks.tabletop.language.subgoals import BOARD
from tasks.tabletop.world.board import KINDS
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World
from tests.vlp.small import GOAL, SMALL
from vlp import Agent
from vlp.agent.parts import Parts
from vlp.domains.tabletop.build import build
from vlp.domains.tabletop.sight import too_many
from vlp.errors import InstructionError, ModelError
from vlp.models.choose import choose
from vlp.models.chosen import ROLES, Hosted, Models, Role
from vlp.vlm.hosted.endpoint_config import EndpointConfig
from vlp.vlm.tabletop.vision import MOST_BLOCKS


@pytest.fixture(scope="module")
def parts() -> Parts:
    return build(device="cpu")


def pictures(*counts: int) -> Frames:
    world, rng = World(), np.random.default_rng(1_000_000)
    try:
        frames = []
        for count in counts:
            world.place(*random_layout(rng, KINDS[:count]))
            frames.append(world.render())
        return np.stack(frames)
    finally:
        world.close()


@pytest.mark.parametrize("count", [MOST_BLOCKS + 1, len(KINDS)])
def test_more_blocks_than_the_vlm_sees_are_refused(parts: Parts, tmp_path: Path, count: int) -> None:
    robot = SimulatedRobot(GOAL, seed=SMALL.seed, blocks=KINDS[:count])
    with Agent(robot, settings=SMALL, root=tmp_path, parts=parts) as agent:
        before = robot.get_observation()
        with pytest.raises(InstructionError, match=f"at most {MOST_BLOCKS} blocks on the board, got {count}"):
            agent.plan(GOAL)
        assert robot.get_observation() is before, "no action was sent"


def test_the_vlm_says_nothing_of_boards_that_it_does_not_see_whole(parts: Parts) -> None:
    frames = pictures(8, MOST_BLOCKS, MOST_BLOCKS + 1, len(KINDS))
    steps = parts.value.steps_to_go(frames, GOAL)
    assert (
        np.isfinite(steps.mean).tolist() == np.isfinite(steps.spread).tolist() == [True, True, False, False]
    )
    alone = parts.value.steps_to_go(frames[:1], GOAL)
    assert alone.mean == pytest.approx(steps.mean[:1], rel=1e-4)
    found = parts.proposer.propose(frames[:2], GOAL, [(), ()], 2, seed=0)
    assert all(found)
    with pytest.raises(ModelError, match=f"at most {MOST_BLOCKS} blocks, got {MOST_BLOCKS + 1}"):
        parts.proposer.propose(frames[:3], GOAL, [(), (), ()], 2, seed=0)


@pytest.mark.parametrize(
    ("roles", "fallback", "most"),
    [
        (ROLES, False, len(KINDS)),
        (ROLES, True, MOST_BLOCKS),
        (("proposer",), False, MOST_BLOCKS),
        (("value", "success"), False, MOST_BLOCKS),
    ],
)
def test_another_vlm_sees_them_all_where_the_bundled_one_has_no_part(
    parts: Parts, roles: tuple[Role, ...], fallback: bool, most: int
) -> None:
    hosted = Hosted(endpoint=EndpointConfig(model="m", url="http://127.0.0.1:9/v1"))
    models = Models(vlm=hosted, roles=roles, fallback=fallback)
    assert choose(models, parts.value, BOARD.seen_by(lambda frames: []), device="cpu").alone == (
        most == len(KINDS)
    )


def test_more_blocks_than_fit_on_a_line_are_refused_whoever_looks() -> None:
    board = {name: np.zeros(2) for name in KINDS}
    vertical = understand("make a vertical line in the middle of the board", board)
    assert "expected at most 14 blocks" in (too_many(vertical, board, len(KINDS)) or "")
    fewer = understand(vertical.text, dict(list(board.items())[:14]))
    assert too_many(fewer, fewer.names, len(KINDS)) is None  # type: ignore[attr-defined]
    assert too_many(understand(GOAL, board), board, len(KINDS)) is None


def test_one_block_is_enough_for_a_long_task(parts: Parts, tmp_path: Path) -> None:
    goal = "make a vertical line in the middle of the board"
    robot = SimulatedRobot(goal, seed=3, blocks=KINDS[:1])
    short = replace(SMALL, max_control_steps=5)  # within its first clip; a search takes longer than its steps
    with Agent(robot, settings=short, root=tmp_path, parts=parts) as agent:
        plan = agent.plan(goal)
        result = agent.execute(plan, plan.approved(by="Ada", replan="auto"))
    assert result["control_steps"] and result["score"] <= 1.0
    assert result["complete"] == (result["score"] == 1.0)
