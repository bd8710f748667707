"""The push oracle as a feedback law, and the ways round obstacles it follows."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.route import route, segment_distance
from tasks.tabletop.demos.oracle import REACH_HIGH, REACH_LOW, Style, push, reach, unit
from tasks.tabletop.world.board import EFFECTOR_X, EFFECTOR_Y

LOW, HIGH = np.array([0.15, -0.3]), np.array([0.60, 0.3])
STYLE = Style()


def test_segment_distance() -> None:
    starts, ends = np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]])
    points = np.array([[0.5, 0.3], [-0.3, 0.4], [2.0, 0.0], [0.2, 0.0]])
    np.testing.assert_allclose(segment_distance(starts, ends, points), [[0.3, 0.5, 1.0, 0.0]])
    np.testing.assert_allclose(segment_distance(starts, starts, points)[0, 0], np.hypot(0.5, 0.3))


def test_a_free_way_is_straight() -> None:
    start, goal = np.array([0.2, -0.2]), np.array([0.5, 0.2])
    for obstacles in (np.zeros((0, 2)), np.array([[0.5, -0.2]])):
        way, clear = route(start, goal, obstacles, clearance=0.05, low=LOW, high=HIGH)
        assert clear
        np.testing.assert_array_equal(way, goal[None])


@pytest.mark.parametrize("seed", range(10))
def test_a_way_keeps_clear_of_obstacles(seed: int) -> None:
    rng = np.random.default_rng(seed)
    obstacles = rng.uniform((0.25, -0.15), (0.5, 0.15), (6, 2))
    start, goal = np.array([0.18, -0.28]), np.array([0.57, 0.28])
    way, clear = route(start, goal, obstacles, clearance=0.05, low=LOW, high=HIGH)
    assert clear and (way >= LOW).all() and (way <= HIGH).all()
    np.testing.assert_array_equal(way[-1], goal)
    points = np.concatenate([start[None], way])
    assert segment_distance(points[:-1], points[1:], obstacles).min() > 0.05 - 1e-9


def test_a_barred_way_is_said_to_be_so() -> None:
    wall = np.stack([np.full(30, 0.375), np.linspace(-0.3, 0.3, 30)], axis=1)
    start, goal = np.array([0.2, 0.0]), np.array([0.55, 0.0])
    way, clear = route(start, goal, wall, clearance=0.05, low=LOW, high=HIGH)
    assert not clear
    np.testing.assert_array_equal(way, goal[None])


def test_unit() -> None:
    np.testing.assert_allclose(unit(np.array([3.0, 4.0])), [0.6, 0.8])
    np.testing.assert_array_equal(unit(np.zeros(2)), np.zeros(2))


def test_behind_the_block_it_pushes_towards_the_goal() -> None:
    blocks = {"red_cube": np.array([0.35, 0.0])}
    step = push(blocks, np.array([0.35, -0.045]), "red_cube", np.array([0.35, 0.2]), STYLE)
    assert step[1] > 0.01 and abs(step[0]) < 1e-6
    assert np.linalg.norm(step) <= STYLE.push_speed + 1e-9


def test_before_the_block_it_goes_round() -> None:
    blocks = {"red_cube": np.array([0.35, 0.0])}
    effector = np.array([0.35, 0.08])
    seen = []
    for _ in range(15):
        effector = effector + push(blocks, effector, "red_cube", np.array([0.35, 0.2]), STYLE)
        seen.append(effector)
        if effector[1] < -0.03:
            break
    assert effector[1] < -0.03
    # Never through the block: half a cube and the pusher's radius.
    assert min(np.linalg.norm(xy - blocks["red_cube"]) for xy in seen) > 0.0325


@pytest.mark.parametrize("seed", range(20))
def test_any_state_gives_a_finite_action_within_the_workspace(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = {
        name: rng.uniform((0.1, -0.32), (0.6, 0.32)) for name in ("red_cube", "blue_moon", "green_star")
    }
    blocks["blue_moon"] = blocks["red_cube"] + rng.normal(0, 0.01, 2)
    effector = rng.uniform((0.15, -0.30), (0.60, 0.30))
    goal = rng.uniform(REACH_LOW, REACH_HIGH)
    for action in (push(blocks, effector, "red_cube", goal, STYLE), reach(blocks, effector, goal, STYLE)):
        assert action.shape == (2,) and np.isfinite(action).all()
        assert np.linalg.norm(action) <= STYLE.approach_speed + 1e-9
    after = effector + push(blocks, effector, "red_cube", goal, STYLE)
    assert EFFECTOR_X[0] - 1e-9 <= after[0] <= EFFECTOR_X[1] + 1e-9
    assert EFFECTOR_Y[0] - 1e-9 <= after[1] <= EFFECTOR_Y[1] + 1e-9


def test_styles_vary_and_are_seeded() -> None:
    drawn = [Style.sample(np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(0.01 < style.push_speed < 0.03 < style.clearance for style in drawn)
