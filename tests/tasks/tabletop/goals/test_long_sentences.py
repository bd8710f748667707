"""Long tasks say 1 exactly when their sentence is true, on any board of 1 to 16 blocks: held against a
reading of the sentences that shares no code with the tasks."""

from __future__ import annotations

from itertools import pairwise
from math import cos, dist, pi, sin

import numpy as np
import pytest

from tasks.tabletop.goals import BY_INSTRUCTION, GroupBy, MakeLine, MoveToArea
from tasks.tabletop.goals.goal import LongGoal, understand
from tasks.tabletop.world.board import BLOCK_4, BLOCK_8, KINDS

Points = dict[str, tuple[float, float]]
TOP, BOTTOM, LEFT, RIGHT = 0.1214, 0.5786, -0.3048, 0.3048
"""The board's edges, metres."""
CORNERS = {"red": "top left", "blue": "top right", "green": "bottom left", "yellow": "bottom right"}
PUSHER = (0.35, 0.0)


# -- an independent reading ------------------------------------------------------------------------


def is_in(words: str, point: tuple[float, float]) -> bool:
    x, y = point
    if not (TOP <= x <= BOTTOM and LEFT <= y <= RIGHT):
        return False
    sides = {"top": x < 0.35, "bottom": x > 0.35, "left": y < 0.0, "right": y > 0.0}
    return all(sides[word] for word in words.split() if word in sides)


def together(members: set[str], points: Points) -> bool:
    """Whether one can go from each member to each by steps that are short, and shorter than the way to any
    other block."""
    others = [dist(points[m], points[o]) for m in members for o in points.keys() - members]
    longest = min(0.08, *others) if others else 0.08
    reached, new = set[str](), {min(members)}
    while new:
        reached |= new
        new = {m for m in members - reached if any(dist(points[m], points[r]) < longest for r in reached)}
    return reached == members


def in_line(points: Points, across: int, middle: float) -> bool:
    along = sorted(point[1 - across] for point in points.values())
    near = all(abs(point[across] - middle) < 0.03 for point in points.values())
    return near and all(after - before >= 0.035 for before, after in pairwise(along))


def is_true(sentence: str, points: Points, asked: set[str]) -> bool:
    """Of a board where `asked` were there, and those of `points` still are."""
    if not points or asked - points.keys():
        return False
    if sentence.startswith("move all blocks to the"):
        return all(is_in(sentence, point) for point in points.values())
    if sentence.startswith("sort the blocks"):
        return all(is_in(CORNERS[name.split("_")[0]], point) for name, point in points.items())
    if sentence == "clear the center":
        return all(dist(point, (0.35, 0.0)) > 0.15 for point in points.values())
    if sentence.startswith("group"):
        part = 0 if sentence.endswith("color") else 1
        kinds = [{n for n in points if n.split("_")[part] == name.split("_")[part]} for name in points]
        return all(together(members, points) for members in kinds)
    return in_line(points, *((1, 0.0) if "vertical" in sentence else (0, 0.375)))


# -- random boards, many of which make a sentence true ---------------------------------------------


def anywhere(rng: np.random.Generator) -> tuple[float, float]:
    """On the board, or on the rim beyond it."""
    return float(rng.uniform(TOP - 0.03, BOTTOM + 0.03)), float(rng.uniform(LEFT - 0.03, RIGHT + 0.03))


def somewhere(rng: np.random.Generator, words: str) -> tuple[float, float]:
    return next(p for p in iter(lambda: anywhere(rng), None) if is_in(words, p))


def meant(rng: np.random.Generator, sentence: str, names: list[str]) -> Points:
    """A board that is meant to make the sentence true."""
    if sentence.startswith("move"):
        return {name: somewhere(rng, sentence) for name in names}
    if sentence.startswith("sort"):
        return {name: somewhere(rng, CORNERS[name.split("_")[0]]) for name in names}
    if sentence == "clear the center":
        turns = rng.uniform(0, 2 * pi, len(names))
        return {n: (0.35 + 0.16 * cos(a), 0.16 * sin(a)) for n, a in zip(names, turns, strict=True)}
    if sentence.startswith("group"):
        part = 0 if sentence.endswith("color") else 1
        kinds = sorted({name.split("_")[part] for name in names})
        middle = {kind: ((0.2, 0.5)[i % 2], (-0.2, 0.15)[i // 2]) for i, kind in enumerate(kinds)}
        step, board = float(rng.uniform(0.03, 0.085)), {}
        for name in names:
            x, y = middle[name.split("_")[part]]
            board[name] = (x, y)
            middle[name.split("_")[part]] = (x + step * float(rng.choice([-0.6, 0.6])), y + step * 0.8)
        return board
    along = 0.36 + (np.arange(len(names)) - len(names) / 2) * float(rng.uniform(0.0345, 0.04))
    off = rng.uniform(-0.029, 0.029, len(names))
    return {
        n: (float(a), float(o)) if "vertical" in sentence else (0.375 + float(o), float(a) - 0.36)
        for n, a, o in zip(names, along, off, strict=True)
    }


def drawn(rng: np.random.Generator, sentence: str, count: int) -> Points:
    names = [str(name) for name in rng.choice(KINDS, count, replace=False)]
    board = meant(rng, sentence, names) if rng.random() < 0.7 else {name: anywhere(rng) for name in names}
    if rng.random() < 0.3:
        board[names[int(rng.integers(count))]] = anywhere(rng)
    return board


@pytest.mark.parametrize("sentence", BY_INSTRUCTION)
def test_the_reward_is_one_exactly_when_the_sentence_is_true(sentence: str) -> None:
    rng = np.random.default_rng(list(BY_INSTRUCTION).index(sentence))
    said = {True: set[int](), False: set[int]()}
    for turn in range(1600):
        count = turn % 16 + 1
        asked = drawn(rng, sentence, count)
        goal = understand(sentence, {name: np.array(point) for name, point in asked.items()})
        lost = set(rng.choice(list(asked), rng.integers(0, count + 1))) if rng.random() < 0.2 else set()
        there = {name: point for name, point in asked.items() if name not in lost}
        reward = goal.reward({name: np.array(point) for name, point in there.items()}, PUSHER)
        true = is_true(sentence, there, set(asked))
        assert isinstance(reward, float) and 0.0 <= reward <= 1.0
        assert (reward == 1.0) is true, (sentence, reward, there, lost)
        said[true].add(count)
    # Both were asked, of few blocks and of many.
    task = BY_INSTRUCTION[sentence]
    alone = {1} if sentence.startswith("group") else set()
    assert said[False] >= set(range(1, 17)) - alone and said[True] >= set(range(1, task.most + 1))


# -- what the shares are of ------------------------------------------------------------------------


def reward(sentence: str, points: Points, names: tuple[str, ...] = ()) -> float:
    places = {name: np.array(point) for name, point in points.items()}
    return understand(sentence, places, names).reward(places, PUSHER)


@pytest.mark.parametrize("count", range(1, 17))
def test_each_block_has_an_equal_share_of_an_area(count: int) -> None:
    names = KINDS[:count]
    for inside in range(count + 1):
        board = {n: (0.3, -0.2 if i < inside else 0.2) for i, n in enumerate(names)}
        assert reward("move all blocks to the left side", board) == inside / count


def test_a_block_that_comes_into_view_later_counts() -> None:
    goal = understand("move all blocks to the left side", {"red_moon": np.array([0.3, -0.1])})
    assert isinstance(goal, LongGoal) and goal.names == ("red_moon",)
    both = {"red_moon": np.array([0.3, -0.1]), "blue_cube": np.array([0.3, 0.1])}
    assert goal.reward(both, PUSHER) == 1 / 2


def test_groups_of_one_to_four() -> None:
    task = GroupBy("color")
    row = {f"red_{shape}": (0.2 + 0.07 * i, 0.0) for i, shape in enumerate(("moon", "cube", "star"))}
    alone = {"blue_moon": (0.5, 0.2)}
    assert reward(task.instruction, row | alone) == 1.0, "steps join them, though the ends are 0.14 m apart"
    assert reward(task.instruction, row | {"red_star": (0.5, 0.0)} | alone) == 0.0
    assert reward(task.instruction, row | {"blue_moon": (0.27, 0.065)}) == 0.0, "it stands between"
    pair = {"green_cube": (0.5, -0.2), "green_star": (0.5, -0.25)}
    assert reward(task.instruction, row | {"red_star": (0.5, 0.0)} | pair) == 2 / 5
    assert reward(task.instruction, {name: row["red_moon"] for name in alone}) == 1.0, "nothing to group"
    assert reward(task.instruction, {name: (0.2 + 0.1 * i, 0.0) for i, name in enumerate(BLOCK_4)}) == 1.0


def test_a_lost_block_is_missed_whatever_its_color() -> None:
    pair = {"green_cube": (0.5, -0.2), "green_star": (0.5, -0.25)}
    assert reward("group the blocks by color", pair, (*pair, "blue_moon")) == 2 / 3
    assert reward("group the blocks by color", {"green_cube": (0.5, -0.2)}, tuple(pair)) == 0.0
    assert reward("clear the center", pair, (*pair, "red_moon", "blue_moon")) == 2 / 4
    assert reward("group the blocks by color", {}, ("red_moon",)) == 0.0


def test_what_is_asked_of_sixteen_blocks_has_a_next_push() -> None:
    rng = np.random.default_rng(0)
    board = {name: np.array(anywhere(rng)) for name in KINDS}
    for task in BY_INSTRUCTION.values():
        for subgoal in task.subgoals(board):
            assert set(subgoal.instruction.blocks()) <= set(KINDS)
    assert all(task.subgoals(board) for task in (GroupBy("shape"), MakeLine("vertical"), MoveToArea("left")))


@pytest.mark.parametrize(("line", "most"), [("vertical", 14), ("horizontal", 16)])
def test_lines_hold_so_many(line: str, most: int) -> None:
    task = MakeLine(line)
    assert task.most == most
    for count in (1, len(BLOCK_8), 9, most):
        slots = task._slots({name: np.array(anywhere(np.random.default_rng(0))) for name in KINDS[:count]})
        board = {name: (float(x), float(y)) for name, (x, y) in slots.items()}
        assert reward(task.instruction, board) == 1.0 and all(is_in("", point) for point in board.values())
