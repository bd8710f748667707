"""Plays without physics: they end as demonstrations do, and take about as long."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.tabletop.demos.demonstrator import centers, run_long, run_push
from tasks.tabletop.demos.kinematic import play, push_to
from tasks.tabletop.goals import BY_INSTRUCTION, LONG_TASKS, LongTask
from tasks.tabletop.world import board
from tasks.tabletop.world.layout import Layout, random_layout
from tasks.tabletop.world.world import World

IDS = [task.instruction for task in LONG_TASKS]


def start(seed: int) -> tuple[Layout, dict[str, NDArray[np.float64]], NDArray[np.float64]]:
    """A board, as a layout, and as centres and pusher."""
    layout, pusher = random_layout(np.random.default_rng(seed))
    return (layout, pusher), {name: np.array(pose[:2]) for name, pose in layout.items()}, np.array(pusher)


def test_a_push_ends_short_of_its_goal_and_shoves_what_stands_there() -> None:
    blocks = {"red_moon": np.array([0.3, 0.0]), "blue_cube": np.array([0.3, 0.11])}
    goal = np.array([0.3, 0.1])
    results = [
        push_to(blocks, np.array([0.3, -0.2]), "red_moon", goal, np.random.default_rng(s), 0.016)
        for s in range(200)
    ]
    done = [result for result in results if result.done]
    assert 185 < len(done) < 200  # one in forty fails
    for result in done:
        assert np.linalg.norm(result.blocks["red_moon"] - goal) < 0.03
        apart = np.linalg.norm(result.blocks["red_moon"] - result.blocks["blue_cube"])
        assert apart > 0.041 and result.blocks["blue_cube"][1] > 0.11
        assert result.pusher[1] < result.blocks["red_moon"][1]
    assert np.array_equal(blocks["blue_cube"], [0.3, 0.11])


def steps_of_a_push(to: float) -> float:
    """Mean control steps of a push from y = 0 to `to` metres."""
    blocks, goal = {"red_moon": np.array([0.3, 0.0])}, np.array([0.3, to])
    rngs = [np.random.default_rng(seed) for seed in range(20)]
    return float(
        np.mean([push_to(blocks, np.array([0.3, -0.1]), "red_moon", goal, r, 0.0).steps for r in rngs])
    )


def test_a_longer_way_takes_longer() -> None:
    assert steps_of_a_push(0.2) > steps_of_a_push(0.05) + 8


@pytest.mark.parametrize("task", LONG_TASKS, ids=IDS)
def test_most_plays_end_with_the_task_done(task: LongTask) -> None:
    rewards = []
    for seed in range(12):
        _, blocks, pusher = start(seed)
        before = {name: xy.copy() for name, xy in blocks.items()}
        rewards.append(play(task, blocks, pusher, np.random.default_rng(seed)).reward)
        assert all(np.array_equal(before[name], xy) for name, xy in blocks.items())
    assert sum(reward == 1.0 for reward in rewards) >= 9


def simulated(task: LongTask, layout: Layout, seed: int) -> int:
    """Control steps of the demonstrator in the simulator."""
    world, rng, steps = World(), np.random.default_rng(seed), 0
    world.place(*layout)
    world.step(layout[1])
    for push in run_long(world, task, rng, board.LONG_MAX_STEPS):
        steps += sum(1 for _ in run_push(world, push, rng))
    assert task.reward(centers(world)) == 1.0
    world.close()
    return steps


def test_plays_take_about_as_long_as_demonstrations_in_the_simulator() -> None:
    real, played = [], []
    for words in ("group the blocks by color", "move all blocks to the left side"):
        for seed in range(5):
            layout, blocks, pusher = start(seed)
            real.append(simulated(BY_INSTRUCTION[words], layout, seed))
            runs = [play(BY_INSTRUCTION[words], blocks, pusher, np.random.default_rng(s)) for s in range(8)]
            played.append(float(np.mean([run.steps for run in runs])))
    assert 0.7 < np.mean(played) / np.mean(real) < 1.4
    assert np.corrcoef(real, played)[0, 1] > 0.5
