"""Long-horizon tasks: the edges of each reward's rule, scripted subgoals, and demonstrators that finish."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.tabletop.demos.demonstrator import centers, choose, run_long, run_push
from tasks.tabletop.goals import (
    BY_INSTRUCTION,
    LONG_TASKS,
    ClearTheCenter,
    GroupBy,
    LongTask,
    MakeLine,
    MoveToArea,
    SortToCorners,
    Subgoal,
)
from tasks.tabletop.goals.base import nearest, unreachable
from tasks.tabletop.language import canonical, parse
from tasks.tabletop.language.instruction import AREAS
from tasks.tabletop.world.board import BLOCK_8, BOARD_X, BOARD_Y, HOLD_STEPS, LONG_MAX_STEPS
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World

FIRST_SEED = 1_000_000
IDS = [task.instruction for task in LONG_TASKS]
CENTER_X = 0.35
EPSILON = 1e-6
Blocks = dict[str, NDArray[np.float64]]


def board(*points: tuple[float, float]) -> Blocks:
    """The first blocks of BLOCK_8 at (x, y)."""
    return {name: np.array(xy) for name, xy in zip(BLOCK_8, points, strict=False)}


def spread() -> Blocks:
    """Eight blocks 0.12 m apart, in two rows of four that are far from the middle lines."""
    return board(*((x, y) for x in (0.20, 0.50) for y in (-0.27, -0.15, 0.09, 0.21)))


def test_the_instructions() -> None:
    assert set(IDS) == set(BY_INSTRUCTION) and len(IDS) == len(set(IDS)) == 14
    areas = [f"{corner} corner" for corner in ("top left", "top right", "bottom left", "bottom right")]
    areas += [f"{side} side" for side in ("left", "right", "top", "bottom")]
    assert set(IDS) == {
        *(f"move all blocks to the {area}" for area in areas),
        "group the blocks by color",
        "group the blocks by shape",
        "make a vertical line in the middle of the board",
        "make a horizontal line in the middle of the board",
        "sort the blocks by color into the corners",
        "clear the center",
    }


@pytest.mark.parametrize("task", LONG_TASKS, ids=IDS)
def test_rewards_are_shares(task: LongTask) -> None:
    rng = np.random.default_rng(0)
    assert task.reward({}) == 0.0 and task.subgoals({}) == []
    for _ in range(20):
        blocks = {name: np.array(pose[:2]) for name, pose in random_layout(rng)[0].items()}
        reward = task.reward(blocks)
        assert isinstance(reward, float) and 0.0 <= reward <= 1.0 and (reward * 8).is_integer()
        assert reward == 1.0 or task.subgoals(blocks)
        for subgoal in task.subgoals(blocks):
            assert parse(canonical(subgoal.instruction)) == subgoal.instruction
            assert set(subgoal.instruction.blocks()) <= set(blocks) and np.isfinite(subgoal.cost)


@pytest.mark.parametrize(
    ("area", "xy", "inside"),
    [
        ("left", (0.2, -EPSILON), True),
        ("left", (0.2, 0.0), False),
        ("right", (0.2, EPSILON), True),
        ("top", (CENTER_X - EPSILON, 0.1), True),
        ("top", (CENTER_X, 0.1), False),
        ("bottom", (CENTER_X + EPSILON, 0.1), True),
        ("top_left", (CENTER_X - EPSILON, -EPSILON), True),
        ("top_left", (CENTER_X - EPSILON, EPSILON), False),
        ("bottom_right", (CENTER_X + EPSILON, EPSILON), True),
        ("bottom_right", (BOARD_X[1], BOARD_Y[1]), True),
        ("bottom_right", (BOARD_X[1] + EPSILON, BOARD_Y[1]), False),
        ("top_left", (BOARD_X[0] - EPSILON, -0.1), False),
        ("left", (0.2, BOARD_Y[0] - EPSILON), False),
    ],
)
def test_area_counts_centres(area: str, xy: tuple[float, float], inside: bool) -> None:
    assert MoveToArea(area).reward(board(xy)) == inside
    assert MoveToArea(area).reward(board(xy), BLOCK_8) == inside / 8


@pytest.mark.parametrize("area", AREAS)
def test_a_full_area_is_done_and_a_lost_block_is_missed(area: str) -> None:
    x = {"top": 0.2, "bottom": 0.5}.get(area.split("_")[0], 0.3)
    y = {"left": -0.2, "right": 0.2}.get(area.split("_")[-1], 0.1)
    blocks = board(*((x, y + 0.01 * i) for i in range(8)))
    assert MoveToArea(area).reward(blocks) == 1.0
    del blocks["red_moon"]
    assert MoveToArea(area).reward(blocks, BLOCK_8) == 7 / 8


def test_corners_by_color() -> None:
    corners = {"red": (0.2, -0.2), "blue": (0.2, 0.2), "green": (0.5, -0.2), "yellow": (0.5, 0.2)}
    blocks = {name: np.array(corners[name.split("_")[0]]) for name in BLOCK_8}
    task = SortToCorners()
    assert task.reward(blocks) == 1.0
    blocks["red_moon"] = np.array([CENTER_X, -0.2])
    assert task.reward(blocks) == 7 / 8
    assert {canonical(s.instruction) for s in task.subgoals(blocks)} == {
        "push the red moon into the top left area"
    }


@pytest.mark.parametrize(("distance", "clear"), [(0.15, False), (0.15 + EPSILON, True), (0.0, False)])
def test_the_center_is_a_disc(distance: float, clear: bool) -> None:
    assert ClearTheCenter().reward(board((CENTER_X, distance))) == clear
    assert ClearTheCenter().reward(board((CENTER_X, -distance)), BLOCK_8) == clear / 8


@pytest.mark.parametrize("attribute", ["color", "shape"])
@pytest.mark.parametrize(("gap", "grouped"), [(0.08 - EPSILON, True), (0.08, False), (0.05, True)])
def test_a_pair_is_nearer_than_eight_centimetres(attribute: str, gap: float, grouped: bool) -> None:
    blocks, task = spread(), GroupBy(attribute)
    assert task.reward(blocks) == 0.0
    mate = "red_pentagon" if attribute == "color" else "blue_moon"
    # Away from the others, which stand 0.12 m apart.
    blocks["red_moon"] = np.array([0.35, -0.20])
    blocks[mate] = np.array([0.35, -0.20 + gap])
    assert task.reward(blocks) == grouped / 4


def test_a_pair_is_closer_to_each_other_than_to_any_other_block() -> None:
    task, blocks = GroupBy("color"), spread()
    blocks["red_moon"], blocks["red_pentagon"] = np.array([0.35, -0.20]), np.array([0.35, -0.14])
    blocks["blue_cube"] = np.array([0.35 + 0.06 + EPSILON, -0.20])
    assert task.reward(blocks) == 1 / 4
    blocks["blue_cube"] = np.array([0.35 + 0.06 - EPSILON, -0.20])
    assert task.reward(blocks) == 0.0


def test_groups_need_both_blocks() -> None:
    corners = [(x, y) for x in (0.2, 0.4) for y in (-0.2, 0.0)]
    # BLOCK_8 names the colours' blocks one after the other.
    blocks = board(*((x + d, y + d) for x, y in corners for d in (0.0, 0.05)))
    assert GroupBy("color").reward(blocks) == 1.0 and GroupBy("shape").reward(blocks) < 1.0
    del blocks["red_moon"]
    assert GroupBy("color").reward(blocks, BLOCK_8) == 3 / 4


@pytest.mark.parametrize(
    ("line", "middle", "across"), [("vertical", 0.0, (0.0, 1.0)), ("horizontal", 0.375, (1.0, 0.0))]
)
def test_lines(line: str, middle: float, across: tuple[float, float]) -> None:
    off, task = np.array(across), MakeLine(line)
    along = 1 - off
    start = middle * off + (0.2 if line == "vertical" else -0.1) * along
    spaced = board(*((xy[0], xy[1]) for xy in (start + 0.036 * i * along for i in range(8))))
    assert task.reward(spaced) == 1.0 and task.subgoals(spaced) is not None
    blocks = dict(spaced)
    for shift, on in ((0.03 - EPSILON, True), (0.03 + EPSILON, False), (-0.03 - EPSILON, False)):
        blocks["red_moon"] = spaced["red_moon"] + shift * off
        assert task.reward(blocks) == (8 if on else 7) / 8
    # Nearer than 0.035 m along the line to another block on it: neither counts.
    blocks["red_moon"] = spaced["red_moon"] + (0.001 + EPSILON) * along
    assert task.reward(blocks) == 6 / 8
    blocks["red_moon"] = spaced["red_moon"] + (0.001 - EPSILON) * along
    assert task.reward(blocks) == 1.0
    # Off the line it bars no one.
    blocks["red_moon"] = spaced["red_pentagon"] + 0.05 * off
    assert task.reward(blocks) == 7 / 8


def test_distances() -> None:
    blocks = board((0.3, 0.0), (0.3, 0.1))
    assert nearest(blocks, "red_moon", ["red_moon"]) == float("inf")
    assert nearest(blocks, "red_moon", ["red_moon", "red_pentagon"]) == pytest.approx(0.1)
    assert unreachable(np.array([0.35, 0.0])) == 0.0
    assert unreachable(np.array([0.563, 0.0])) == pytest.approx(0.01)


def test_choosing_prefers_the_cheap_and_is_seeded() -> None:
    push = parse("point to the red moon")
    subgoals = [Subgoal(push, None, cost) for cost in (0.0, 0.1, 1.0)]
    rng = np.random.default_rng(0)
    drawn = [choose(subgoals, rng).cost for _ in range(200)]
    assert drawn.count(0.0) > drawn.count(0.1) > 0 and 1.0 not in drawn


@pytest.mark.parametrize("seed", [FIRST_SEED, FIRST_SEED + 1])
@pytest.mark.parametrize("task", LONG_TASKS, ids=IDS)
def test_the_demonstrator_completes(task: LongTask, seed: int) -> None:
    world, rng = World(), np.random.default_rng(seed)
    try:
        layout, effector = random_layout(rng)
        world.place(layout, effector)
        world.step(effector)
        steps = sum(1 for push in run_long(world, task, rng) for _ in run_push(world, push, rng))
        assert steps + HOLD_STEPS <= LONG_MAX_STEPS
        for _ in range(HOLD_STEPS):
            world.step(world.target)
            assert task.reward(centers(world)) == 1.0
    finally:
        world.close()
