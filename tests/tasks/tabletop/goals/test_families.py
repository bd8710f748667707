"""One-push families: drawn instructions, where the oracle goes, and that it succeeds (real PyBullet)."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.tabletop.demos.demonstrator import Noise, Push, centers, run_push
from tasks.tabletop.demos.oracle import Style
from tasks.tabletop.goals.families import (
    EXTENSION_FAMILIES,
    FAMILIES,
    deep_in_area,
    draw,
    feasible,
    goal,
    pushed,
    spots,
)
from tasks.tabletop.goals.push import fixed_fields, in_area
from tasks.tabletop.language import canonical, parse_all
from tasks.tabletop.language.instruction import AREAS, FIELDS, Instruction
from tasks.tabletop.world.board import BLOCK_8, EFFECTOR_X, EFFECTOR_Y
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World

FIRST_SEED = 1_000_000
Blocks = dict[str, NDArray[np.float64]]


def random_blocks(rng: np.random.Generator) -> Blocks:
    return {name: np.array(pose[:2]) for name, pose in random_layout(rng)[0].items()}


def begun(world: World, family: str, rng: np.random.Generator) -> Push:
    """A random BLOCK_8 board and a push of the family that can be done on it and is not done yet."""
    while True:
        layout, effector = random_layout(rng)
        world.place(layout, effector)
        world.step(effector)
        blocks = centers(world)
        for _ in range(20):
            instruction = draw(family, rng, blocks)
            push = Push.begin(instruction, blocks, Style.sample(rng))
            done = push.succeeded(blocks, np.array(world.target))
            if not done and feasible(instruction, push.task, blocks):
                return push


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + 4))
@pytest.mark.parametrize("family", FAMILIES)
def test_the_oracle_succeeds(family: str, seed: int) -> None:
    world, rng = World(), np.random.default_rng(seed)
    try:
        push = begun(world, family, rng)
        for _, action in run_push(world, push, rng):
            assert np.isfinite(action).all() and np.abs(action).max() <= 0.1
            inside = (world.target - np.array([EFFECTOR_X[0], EFFECTOR_Y[0]]) >= -1e-9).all()
            assert inside and world.target[0] <= EFFECTOR_X[1] and world.target[1] <= EFFECTOR_Y[1]
        assert push.done
        assert push.succeeded(centers(world), np.array(world.target))
    finally:
        world.close()


def test_the_oracle_recovers_from_disturbances() -> None:
    world, done = World(), []
    for seed in range(FIRST_SEED, FIRST_SEED + 6):
        rng = np.random.default_rng(seed)
        push = begun(world, "block2block", rng)
        for _ in run_push(world, push, rng, Noise(rate=0.06, size=0.02)):
            pass
        done.append(push.done)
    world.close()
    assert sum(done) >= 5, done


def test_the_same_seed_gives_the_same_push() -> None:
    def actions() -> list[list[float]]:
        world, rng = World(), np.random.default_rng(5)
        push = begun(world, "block2absolutelocation", rng)
        seen = [action.tolist() for _, action in run_push(world, push, rng)]
        world.close()
        return seen

    assert actions() == actions()


def test_families_are_those_of_the_instructions() -> None:
    assert tuple(FIELDS) == (*FAMILIES, "block2spot")  # of which the models were taught nothing


@pytest.mark.parametrize("family", FAMILIES)
def test_drawn_instructions_are_about_the_board(family: str) -> None:
    rng = np.random.default_rng(7)
    for _ in range(20):
        blocks = random_blocks(rng)
        instruction = draw(family, rng, blocks)
        assert instruction.family == family and set(instruction.blocks()) <= set(BLOCK_8)
        assert instruction in parse_all(canonical(instruction), BLOCK_8)
        name = pushed(instruction)
        assert (name is None) == (family == "point2block")
        if name is not None and feasible(instruction, fixed_fields(instruction, blocks), blocks):
            there = goal(instruction, fixed_fields(instruction, blocks), blocks)
            others = [xy for other, xy in blocks.items() if other != name]
            assert np.linalg.norm(np.array(others) - there, axis=1).min() > 0.02


def test_point2block_has_no_goal_for_a_block() -> None:
    with pytest.raises(ValueError, match="expected a family that moves a block"):
        goal(Instruction("point2block", {"block": "red_moon"}), {}, {"red_moon": np.zeros(2)})


@pytest.mark.parametrize("family", EXTENSION_FAMILIES)
def test_spots_are_free_and_fulfil_the_rule(family: str) -> None:
    rng = np.random.default_rng(11)
    for _ in range(10):
        blocks = random_blocks(rng)
        instruction = draw(family, rng, blocks)
        name = str(instruction.fields["block"])
        for spot in spots(instruction, blocks)[:5]:
            others = np.array([xy for other, xy in blocks.items() if other != name])
            assert np.linalg.norm(others - spot, axis=1).min() > 0.038
            push = Push.begin(instruction, blocks, Style(), spot)
            if family != "block2line":  # the line's rule asks for room along it, too
                assert push.succeeded({**blocks, name: spot}, np.zeros(2))


@pytest.mark.parametrize("area", AREAS)
def test_deep_in_an_area_is_in_the_area(area: str) -> None:
    points = np.random.default_rng(0).uniform((0.13, -0.30), (0.57, 0.30), (500, 2))
    assert [bool(deep) for deep in deep_in_area(area, points, 0.0)] == [in_area(area, xy) for xy in points]
    inner = deep_in_area(area, points, 0.02)
    assert 0 < inner.sum() < deep_in_area(area, points, 0.0).sum()
