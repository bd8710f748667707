"""Boards that long tasks are begun from: begun sloppily, or done and spoiled."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.tabletop.demos import left_behind as module
from tasks.tabletop.demos.beginnings import draw_layout
from tasks.tabletop.demos.kinematic import Blocks
from tasks.tabletop.demos.left_behind import left_behind
from tasks.tabletop.goals import LONG_TASKS
from tasks.tabletop.goals.base import LongTask
from tasks.tabletop.world import board

TASK: LongTask = next(task for task in LONG_TASKS if task.instruction == "group the blocks by color")


def boards(monkeypatch: pytest.MonkeyPatch, spoiled: float) -> list[Blocks]:
    monkeypatch.setattr(module, "_SPOILED", spoiled)
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        layout, pusher = draw_layout(rng, board.BLOCK_8)
        blocks = {name: np.array(pose[:2]) for name, pose in layout.items()}
        found.append(left_behind(TASK, blocks, np.array(pusher), rng)[0])
    return found


def beside_a_stranger(blocks: Blocks) -> bool:
    """Whether blocks of two colours as good as touch."""
    return any(
        np.linalg.norm(at - place) < 0.06 and board.color_of(name) != board.color_of(other)
        for name, at in blocks.items()
        for other, place in blocks.items()
    )


def test_where_all_was_spoiled_some_is_done_and_strangers_stand_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoiled, begun = boards(monkeypatch, 1.0), boards(monkeypatch, 0.0)
    assert 0.4 < np.mean([TASK.reward(blocks, board.BLOCK_8) for blocks in spoiled]) < 0.9
    one, other = (np.mean([beside_a_stranger(blocks) for blocks in some]) for some in (spoiled, begun))
    assert one > 0.6 and one > other + 0.2


def test_no_block_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    low, high = np.array([board.BOARD_X, board.BOARD_Y]).T
    for blocks in boards(monkeypatch, 0.5):
        assert len(blocks) == 8
        assert all((low <= at).all() and (at <= high).all() for at in blocks.values())
