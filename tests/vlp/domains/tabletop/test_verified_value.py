"""The learned value is corrected where it says done, and only there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from planner import Frames, StepsToGo, Value
from tasks.tabletop.goals.goal import understand
from tasks.tabletop.world.board import BLOCK_8
from tasks.tabletop.world.world import World
from vlp.domains.tabletop.build import build
from vlp.domains.tabletop.verified_value import VerifiedValue

TEXT = "move all blocks to the left side"


class Fixed:
    """Always the same numbers."""

    def __init__(self, *steps: float) -> None:
        self._steps = np.array(steps, np.float32)

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        return StepsToGo(self._steps, np.ones_like(self._steps))


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def test_done_is_what_the_rule_says_and_all_else_what_was_learned(world: World) -> None:
    frames = []
    for last in (-0.05, 0.1):
        blocks = {kind: (0.2 + 0.05 * (i % 4), -0.2 + 0.06 * (i // 4), 0.0) for i, kind in enumerate(BLOCK_8)}
        blocks[BLOCK_8[0]] = (0.45, last, 0.0)
        world.place(blocks, (0.5, 0.2))
        frames.append(world.render())
    boards = np.stack([frames[0], frames[0], frames[1], frames[1]])
    probe = build(device="cpu").probe
    goal = understand(TEXT, {name: np.array(xy) for name, xy in probe.blocks(frames[1]).items()})
    value = VerifiedValue(Fixed(2.0, 90.0, 2.0, 90.0), probe, goal, 4.0)
    assert isinstance(value, Value)
    found = value.steps_to_go(boards, TEXT)
    # One block of eight is missing: 20 control steps at least, and the learned value orders equals.
    assert found.mean.tolist() == pytest.approx([0.0, 0.0, 24.02, 90.9])
    assert found.spread.tolist() == [1.0] * 4
