"""Programs: rewards, steps, what must last, and what can't be."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from tasks.domain import ImpossibleInstruction
from tasks.tabletop.goals.goal import understand
from tasks.tabletop.goals.program import Program, ProgramGoal
from tasks.tabletop.rules import impossible, read_rules
from tasks.tabletop.world.env import TabletopEnv
from tasks.tabletop.world.layout import random_layout

LAYOUT, PUSHER = random_layout(np.random.default_rng(1_000_000))
BOARD = {name: np.array(pose[:2]) for name, pose in LAYOUT.items()}
CENTER = (0.35, 0.0)


def program(text: str) -> ProgramGoal:
    goal = understand(text, BOARD)
    assert isinstance(goal, ProgramGoal)
    return goal


def placed(**places: tuple[float, float]) -> dict[str, np.ndarray]:
    return {**BOARD, **{name: np.array(xy) for name, xy in places.items()}}


def test_the_reward_is_the_share_of_relations_that_hold() -> None:
    goal = program("stars on the left, moons on the right")
    left = {"green_star": (0.3, -0.1), "yellow_star": (0.4, -0.2)}
    right = {"red_moon": (0.3, 0.1), "blue_moon": (0.4, 0.2)}
    crossed = {"green_star": (0.3, 0.15), "red_moon": (0.5, -0.15)}
    assert goal.reward(placed(**left, **right), CENTER) == 1.0
    assert goal.reward(placed(**{**left, **right, "green_star": (0.3, 0.15)}), CENTER) == 0.5
    assert goal.reward(placed(**{**left, **right, **crossed}), CENTER) == 0.0
    gone = placed(**left, **right)
    del gone["red_moon"]
    assert goal.reward(gone, CENTER) == 0.5


def test_steps_are_done_in_their_order_and_what_lasts_must_last() -> None:
    goal = program("first put the red moon on the left, then the blue moon on the right")
    both = placed(red_moon=(0.3, -0.1), blue_moon=(0.4, 0.2))
    assert goal.reward(both, CENTER) == 0.5, "the second step has not been come to"
    goal.witness(both)
    assert goal.step == 1 and goal.reward(both, CENTER) == 1.0
    assert goal.reward(placed(red_moon=(0.3, 0.1), blue_moon=(0.4, 0.2)), CENTER) == 0.5


def test_what_the_next_step_undoes_need_not_last() -> None:
    goal = program("first move the red moon to the left, then the red moon to the right")
    assert goal.program.kept == ((False,),)
    right = placed(red_moon=(0.3, 0.1))
    assert goal.reward(right, CENTER) == 0.0
    goal.witness(right)
    assert goal.step == 0
    goal.witness(placed(red_moon=(0.3, -0.1)))
    assert goal.step == 1 and goal.reward(right, CENTER) == 1.0


def test_an_empty_program_is_none() -> None:
    for steps in ((), ((),)):
        with pytest.raises(ValueError, match="one relation or more"):
            Program(steps)


def test_the_environment_keeps_count_of_steps_and_goes_back_with_its_snapshots() -> None:
    text = "first move the red moon to the left, then the red moon to the right"
    env = TabletopEnv(text, render_mode=None)
    begun = {**LAYOUT, "red_moon": (0.3, -0.1, 0.0)}
    env.reset(seed=1_000_000, options={"layout": (begun, PUSHER)})
    before = env.save()
    *_, info = env.step(np.zeros(2, np.float32))
    assert isinstance(env._goal, ProgramGoal) and copy.copy(env._goal).step == 1 and info["score"] == 0.5
    env.restore(before)
    assert isinstance(env._goal, ProgramGoal) and env._goal.step == 0
    env.close()


@pytest.mark.parametrize(
    "text",
    [
        "put the red moon on the left and the red moon on the right",
        "put the red moon left of the blue moon and the blue moon left of the red moon",
        "put all blocks but the red moon in the center and clear the center",
        "leave the red moon where it is and put the red moon at x 40 y 20",
    ],
)
def test_contradictions_are_said(text: str) -> None:
    with pytest.raises(ImpossibleInstruction, match="no way to have"):
        understand(text, BOARD)


def test_standing_rules_that_leave_no_way_are_said() -> None:
    goal = program("stars on the left, moons on the right")
    board = placed(green_star=(0.3, 0.1), red_moon=(0.3, -0.1))
    free = read_rules(["never move the red pentagon"], sorted(board))
    assert impossible(free, goal, board) is None
    fixed = read_rules(["never move the green star"], sorted(board))
    assert "never move the green star" in str(impossible(fixed, goal, board))
    clear = read_rules(["keep the left side clear"], sorted(board))
    assert "keep the left side clear" in str(impossible(clear, goal, board))
