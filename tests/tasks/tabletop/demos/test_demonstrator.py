"""Demonstrators go where their words and a picture tell."""

from __future__ import annotations

import numpy as np

from tasks.tabletop.demos.demonstrator import Push, centers, run_long, run_push
from tasks.tabletop.demos.oracle import Style
from tasks.tabletop.goals.families import LINE_SLOTS
from tasks.tabletop.goals.line import MakeLine
from tasks.tabletop.language.instruction import Instruction
from tasks.tabletop.world import board
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World

SLOTS = LINE_SLOTS["vertical"]
TOLD = Instruction("block2line", {"block": "red_moon", "line": "vertical"})


def test_a_block_goes_to_the_nearest_free_place_on_a_line() -> None:
    near, far = SLOTS[2], SLOTS[-1]
    blocks = {"red_moon": near + np.array([0.0, 0.2])}
    push = Push.begin(TOLD, blocks, Style(), far).settle(blocks)
    assert np.allclose(push.goal(blocks), near)
    taken = blocks | {"blue_cube": near}
    again = Push.begin(TOLD, taken, Style(), far).settle(taken).goal(taken)
    assert not np.allclose(again, near) and np.linalg.norm(again - near) < 0.1, "the next one"
    there = {"red_moon": near}
    assert np.allclose(Push.begin(TOLD, there, Style(), far).settle(there).goal(there), far)
    other = Instruction("block2absolutelocation", {"block": "red_moon", "location": "top"})
    assert Push.begin(other, blocks, Style()).settle(blocks).spot is None


def test_lines_are_completed_that_way() -> None:
    world = World()
    try:
        for seed, line in ((5, "vertical"), (6, "horizontal")):
            rng, task = np.random.default_rng(seed), MakeLine(line)
            world.place(*random_layout(rng, board.BLOCK_8))
            world.step(world.target)
            for push in run_long(world, task, rng):
                for _ in run_push(world, push.settle(centers(world)), rng):
                    pass
            assert task.reward(centers(world), world.names) == 1.0
    finally:
        world.close()
