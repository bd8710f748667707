"""What an instruction asks of a board, and what is said when it asks for nothing known."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.domain import AmbiguousInstruction
from tasks.tabletop.goals import BY_INSTRUCTION
from tasks.tabletop.goals.goal import LongGoal, PushGoal, long_task, understand
from tasks.tabletop.language import UnknownInstruction
from tasks.tabletop.language.read import MAX_CHARACTERS
from tasks.tabletop.world.board import BLOCK_4, BLOCK_8, HOLD_STEPS, words_of

BOARD = {name: np.array([0.2 + 0.04 * i, -0.2 + 0.05 * i]) for i, name in enumerate(BLOCK_8)}
SMALL = {name: np.array([0.2 + 0.04 * i, -0.2 + 0.05 * i]) for i, name in enumerate(BLOCK_4)}


@pytest.mark.parametrize("text", BY_INSTRUCTION)
def test_long_tasks_are_understood(text: str) -> None:
    goal = understand(text, BOARD)
    assert isinstance(goal, LongGoal) and goal.text == text and goal.hold_steps == HOLD_STEPS
    assert goal.reward(BOARD, (0.35, 0.0)) == BY_INSTRUCTION[text].reward(BOARD)
    assert long_task(f"  {text.upper()}.\n") is BY_INSTRUCTION[text]


def test_a_push_is_fixed_by_the_board() -> None:
    goal = understand("push the red moon right", BOARD)
    assert isinstance(goal, PushGoal) and goal.hold_steps == 1
    x, y = BOARD["red_moon"]
    assert goal.task["target_xy"] == pytest.approx([x, y + 0.25])
    assert goal.text == "push the red moon to the right"
    assert goal.reward(BOARD, (0.35, 0.0)) == 0.0
    moved = {**BOARD, "red_moon": BOARD["red_moon"] + np.array([0.0, 0.2])}
    assert goal.reward(moved, (0.35, 0.0)) == 1.0
    del moved["red_moon"]
    assert goal.reward(moved, (0.35, 0.0)) == 0.0


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("group the blocks by colour", "group the blocks by color"),
        ("group blocks by shape", "group the blocks by shape"),
        ("move all blocks to the top left", "move all blocks to the top left corner"),
        ("move all the blocks to the left side", "move all blocks to the left side"),
        ("make a vertical line in the middle", "make a vertical line in the middle of the board"),
        ("clear the centre", "clear the center"),
        ("sort the blocks by color into corners", "sort the blocks by color into the corners"),
    ],
)
def test_loose_words_are_the_long_task(text: str, task: str) -> None:
    goal = understand(text, BOARD)
    assert isinstance(goal, LongGoal) and goal.text == task


def test_a_push_that_sounds_like_a_long_task_is_a_push() -> None:
    goal = understand("move the blue block to the top left corner", SMALL)
    assert isinstance(goal, PushGoal) and goal.instruction.fields["block"] == "blue_cube"


def test_an_unknown_block_lists_what_is_on_the_board() -> None:
    for text in ("push the red cube to the blue cube", "point to the red cube"):
        with pytest.raises(UnknownInstruction, match="the red cube") as error:
            understand(text, BOARD)
        assert all(words_of(name) in str(error.value) for name in BLOCK_8)
    with pytest.raises(AmbiguousInstruction, match="push the blue cube left; or push the blue moon left"):
        understand("push the blue block left", BOARD)
    with pytest.raises(UnknownInstruction, match="no block"):
        understand("point to the red moon", {})


def test_a_block_is_not_parted_from_itself() -> None:
    with pytest.raises(UnknownInstruction, match="other blocks"):
        understand("separate the red moon from the red moon and blue cube", BOARD)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \t\n",
        "x" * 100_000,
        "clear the center" + " " * MAX_CHARACTERS + "and dance",
        "group the blocks by color " * 20,
        "group, the. blocks by color",
        "🙂🌙",
        "group the blocks by color\x00",
        "\ud800",
        "juggle",
        "push the red moon",
        "play with the blocks",
    ],
)
def test_bad_text_is_one_clear_line(text: str) -> None:
    assert long_task(text) is None
    with pytest.raises(UnknownInstruction, match="expected") as error:
        understand(text, BOARD)
    message = str(error.value)
    assert message.isprintable() and len(message) < 900 and "got" in message
    message.encode()
