"""Policies act by themselves until what they were told holds, or a block is lost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.tabletop.demos.acting import STEPS, act
from tasks.tabletop.demos.demonstrator import Push, centers
from tasks.tabletop.demos.oracle import Style
from tasks.tabletop.goals.families import LINE_SLOTS
from tasks.tabletop.language.instruction import Instruction
from tasks.tabletop.world.world import World

Frame = NDArray[np.uint8]
HOME = (0.2, 0.0)
SLOTS = LINE_SLOTS["vertical"]


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


class Putting:
    """Rests, but for the third look: then the block is elsewhere."""

    def __init__(self, world: World, place: tuple[float, float]) -> None:
        self._world, self._place, self.looks = world, place, 0

    def __call__(self, frame: Frame, goal_frame: Frame | None, words: str) -> NDArray[np.float32]:
        self.looks += 1
        if self.looks == 3:
            self._world.place({"red_moon": (*self._place, 0.0)}, HOME)
        return np.zeros((2, 2), np.float32)


def begun(world: World, place: tuple[float, float]) -> Push:
    """The moon to the line, of which one who demonstrates would choose the last place."""
    world.place({"red_moon": (*place, 0.0)}, HOME)
    world.step(world.target)
    told = Instruction("block2line", {"block": "red_moon", "line": "vertical"})
    return Push.begin(told, centers(world), Style(), SLOTS[-1])


def test_what_the_words_say_is_enough(world: World) -> None:
    """Told on, a policy that has done it could only undo it."""
    first = (float(SLOTS[0][0]), float(SLOTS[0][1]))
    push, policy = begun(world, (0.4, 0.2)), Putting(world, first)
    assert act(world, push, policy, None, 2).there and policy.looks == 3
    assert not push.finished(centers(world), np.array(world.target)), "it is at the other end of the line"
    shown = Putting(world, first)
    assert not act(world, begun(world, (0.4, 0.2)), shown, world.render(), 2).there
    assert shown.looks == STEPS // 2, "shown the last place it goes on"


def test_what_held_before_is_not_done_by_resting(world: World) -> None:
    push = begun(world, (float(SLOTS[0][0]), float(SLOTS[0][1])))
    policy = Putting(world, (float(SLOTS[-1][0]), float(SLOTS[-1][1])))
    assert act(world, push, policy, None, 2).there and policy.looks == 3, "at its place"
