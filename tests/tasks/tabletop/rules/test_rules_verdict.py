"""What rules forbid on a board, and which requests they leave no way to fulfil."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.tabletop.goals import LONG_TASKS, families
from tasks.tabletop.goals.goal import understand
from tasks.tabletop.goals.push import fixed_fields, in_area
from tasks.tabletop.language import parse
from tasks.tabletop.language.instruction import AREAS
from tasks.tabletop.rules import BoardRules, KeepClear, NeverMove, forbids, impossible, read_rules
from tasks.tabletop.world.board import BLOCK_8
from tasks.tabletop.world.layout import random_layout

Board = dict[str, NDArray[np.float64]]
BOARD: Board = {
    name: np.array(xy)
    for name, xy in {
        "red_moon": (0.25, -0.2),  # top left
        "red_pentagon": (0.45, -0.15),  # bottom left
        "blue_moon": (0.22, 0.15),  # top right
        "blue_cube": (0.36, 0.06),
        "green_cube": (0.50, -0.05),
        "green_star": (0.30, -0.06),
        "yellow_star": (0.20, 0.05),
        "yellow_pentagon": (0.50, 0.20),  # bottom right
    }.items()
}


def random_board(seed: int) -> Board:
    blocks, _ = random_layout(np.random.default_rng(seed))
    return {name: np.array(pose[:2]) for name, pose in blocks.items()}


def why(rule: str, push: str, board: Mapping[str, NDArray[np.float64]] = BOARD) -> str | None:
    return forbids(read_rules([rule], BLOCK_8), parse(push, BLOCK_8), board)


@pytest.mark.parametrize(
    ("rule", "push"),
    [
        ("never move the red moon", "push the red moon to the blue cube"),
        ("never move the red blocks", "push the red pentagon up"),
        ("never move the red moon", "separate the red moon from the blue cube"),
        ("never move the red moon", "push the red moon out of the center"),
        ("keep the left side clear", "push the blue moon to the left side"),
        ("keep the left side clear", "push the blue moon into the top left area"),
        ("keep the left side clear", "push the blue moon to the red moon"),
        ("keep the left side clear", "push the blue moon to the left"),
        ("keep the left side clear", "push the blue moon to the left of the red pentagon"),
        ("keep the bottom left corner clear", "push the blue moon to the bottom left corner"),
        ("keep the bottom side clear", "push the blue moon onto the horizontal middle line"),
        ("keep the top left corner clear", "push the green cube to the red moon"),
    ],
)
def test_forbidden(rule: str, push: str) -> None:
    reason = why(rule, push)
    assert reason is not None and f'a rule says "{rule[:10]}' in reason and "\n" not in reason


@pytest.mark.parametrize(
    ("rule", "push"),
    [
        ("never move the red moon", "push the blue cube to the red moon"),
        ("never move the red moon", "point to the red moon"),
        ("at most 5 cm a second", "push the red moon up"),
        ("keep the left side clear", "push the blue moon to the right side"),
        ("keep the left side clear", "push the red moon to the bottom left corner"),  # stands in it already
        ("keep the left side clear", "push the blue moon to the center"),
        ("keep the top left corner clear", "push the blue moon into the left half"),  # may be its lower half
        ("keep the left side clear", "push the blue moon out of the center"),
        ("keep the left side clear", "push the blue moon onto the vertical middle line"),
        ("keep the left side clear", "push the blue moon slightly down"),
        ("keep the left side clear", "point to the red moon"),
    ],
)
def test_not_forbidden(rule: str, push: str) -> None:
    assert why(rule, push) is None


def test_blocks_that_are_not_seen() -> None:
    assert why("never move the red moon", "push the red moon to the blue cube", {}) is not None
    assert why("keep the left side clear", "push the blue moon to the red moon", {}) is None
    alone = {"blue_moon": BOARD["blue_moon"]}
    assert why("keep the left side clear", "push the blue moon to the red moon", alone) is None


@pytest.mark.parametrize("seed", range(20))
def test_on_any_board_what_is_not_forbidden_leaves_the_rules_kept(seed: int) -> None:
    rng, board = np.random.default_rng(seed), random_board(seed)
    for family in families.FAMILIES:
        push = families.draw(family, rng, board)
        still, area = str(rng.choice(BLOCK_8)), str(rng.choice(AREAS))
        moved = families.pushed(push)
        assert (forbids(BoardRules((NeverMove((still,)),)), push, board) is not None) == (moved == still)
        reason = forbids(BoardRules((KeepClear(area),)), push, board)
        if moved is None or family in families.EXTENSION_FAMILIES:
            continue
        there = families.goal(push, fixed_fields(push, board), board)
        brought = not in_area(area, board[moved]) and families.deep_in_area(area, there, 0.01)
        assert (reason is not None) == bool(brought)


def refused(rules: str | list[str], goal: str, board: Board = BOARD) -> str | None:
    texts = [rules] if isinstance(rules, str) else rules
    return impossible(read_rules(texts, BLOCK_8), understand(goal, board), board)


@pytest.mark.parametrize(
    ("rule", "goal", "said"),
    [
        ("keep the left side clear", "move all blocks to the left side", "keep the left side clear"),
        ("keep the left side clear", "move all blocks to the top left corner", "keep the left side clear"),
        (
            "never move the blue moon",
            "move all blocks to the left side",
            "blue moon is outside the left side",
        ),
        ("never move the green star", "clear the center", "green star is in the center"),
        ("never move the blue cube", "sort the blocks by color into the corners", "blue cube is outside"),
        ("keep the top side clear", "sort the blocks by color into the corners", "top left corner"),
        ("never move the blue moon", "make a vertical line in the middle of the board", "off the vertical"),
        ("never move the moons", "group the blocks by shape", "apart, and rules say that neither"),
        ("never move the red blocks", "group the blocks by color", "the red moon and the red pentagon"),
        ("never move the red moon", "push the red moon to the blue cube", 'says "never move the red moon"'),
        ("keep the left side clear", "push the blue moon to the left side", "left side clear"),
        ("keep the left side clear", "push the blue moon into the top left area", "left side clear"),
    ],
)
def test_impossible(rule: str, goal: str, said: str) -> None:
    reason = refused(rule, goal)
    assert reason is not None and said in reason and "\n" not in reason


@pytest.mark.parametrize(
    ("rule", "goal"),
    [
        ("at most 1 mm a second", "move all blocks to the left side"),
        ("never move the red moon", "move all blocks to the left side"),  # stands in it
        ("keep the top left corner clear", "move all blocks to the left side"),
        ("keep the left side clear", "move all blocks to the right side"),
        ("never move the red moon", "clear the center"),
        ("never move the red moon", "sort the blocks by color into the corners"),
        ("never move the red moon", "group the blocks by color"),
        ("never move the red moon and the blue cube", "group the blocks by color"),
        ("never move the green star", "push the red moon to the green star"),
        # The blue cube could be pushed over to the left, or the red moon away from there first.
        ("keep the left side clear", "push the blue cube to the red moon"),
        ("keep the left side clear", "point to the red moon"),
        ("keep the bottom side clear", "push the blue moon onto the horizontal middle line"),
    ],
)
def test_not_surely_impossible(rule: str, goal: str) -> None:
    assert refused(rule, goal) is None


def test_a_target_that_must_stay_in_an_area_to_be_kept_clear() -> None:
    rules = ["keep the left side clear", "never move the red moon"]
    reason = refused(rules, "push the blue cube to the red moon")
    assert reason is not None and "keep the left side clear" in reason


def test_nothing_may_move() -> None:
    assert refused("never move any block", "make a vertical line in the middle of the board") is not None
    spread = {name: np.array([0.2 + 0.04 * i, -0.2 + 0.05 * i]) for i, name in enumerate(BLOCK_8)}
    assert refused("never move any block", "group the blocks by shape", spread) is not None


def test_what_is_done_already_is_not_impossible() -> None:
    line = {name: np.array([0.18 + 0.05 * i, 0.0]) for i, name in enumerate(BLOCK_8)}
    assert refused("never move any block", "make a vertical line in the middle of the board", line) is None
    left = {name: xy * [1, 0] + [0, -0.1] for name, xy in line.items()}
    assert refused("keep the left side clear", "move all blocks to the left side", left) is None
    top_left = refused("keep the left side clear", "move all blocks to the top left corner", left)
    assert top_left is None, "those below it stand in the left side already, and may go anywhere in it"
    assert refused("never move the red moon", "push the red moon into the left half", left) is None


@pytest.mark.parametrize("task", LONG_TASKS, ids=lambda task: task.instruction)
def test_a_block_that_must_stay_where_the_task_wants_it_is_no_hindrance(task: object) -> None:
    """A block that no finished board would need moved never makes a task impossible."""
    text = next(t.instruction for t in LONG_TASKS if t is task)
    for seed in range(40):
        board, rng = random_board(seed), np.random.default_rng(seed)
        name, goal = str(rng.choice(BLOCK_8)), understand(text, random_board(seed))
        alone = {other: xy for other, xy in board.items() if other == name}
        fits = goal.reward(alone, (0.35, 0.0)) > 0 or "group" in text
        reason = impossible(BoardRules((NeverMove((name,)),)), goal, board)
        assert not (fits and reason), reason
