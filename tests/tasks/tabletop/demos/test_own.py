"""What an agent does by itself, as a dataset from which it learns what is next and when all is done."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.data.footage import read_footage
from tasks.tabletop.demos import own as module
from tasks.tabletop.demos.own import LEAST, MOST, OWN, collect_own, own
from tasks.tabletop.goals import LONG_TASKS
from tasks.tabletop.language import canonical
from tasks.tabletop.world import board
from tasks.tabletop.world.world import World

TASKS = {task.instruction: task for task in LONG_TASKS}
Frame = NDArray[np.uint8]


class Going:
    """Goes one way, whatever it is told; over is what it likes."""

    def __init__(self, way: tuple[float, float], over: bool = False) -> None:
        self._way, self._over = np.array(way, np.float32), over
        self.asked: list[tuple[str, int]] = []

    def next(self, frame: Frame, goal: str, seed: int) -> str:
        assert frame.shape == (96, 128, 3)
        self.asked.append((goal, seed))
        return "push the red star up"

    def actions(self, frame: Frame, words: str) -> NDArray[np.float32]:
        assert words == "push the red star up"
        return np.tile(self._way, (6, 1))

    def over(self, begun: Frame, now: Frame, words: str) -> bool:
        return self._over


def centers(poses: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
    return {
        name: poses[k, :2].astype(np.float64)
        for k, name in enumerate(board.KINDS)
        if np.isfinite(poses[k, 0])
    }


@pytest.mark.usefixtures("as_dots")
def test_it_is_watched_with_what_would_be_next_and_a_demonstrator_goes_on() -> None:
    watched = 0
    for seed in (0, 2):
        mine, later = own(seed, Going((0.0, 0.0)))
        task = TASKS[mine.instruction]
        assert not mine.success and mine.source == "failure"
        assert LEAST / 5 <= len(mine) <= (MOST + module.PATIENCE) / 5 + 1
        left = {canonical(one.instruction) for one in task.subgoals(centers(mine.blocks[-1]))}
        assert mine.subgoal[-1] in left
        assert len(set(mine.subgoal)) == 1, "the same as long as it is of use"
        assert later.instruction == mine.instruction
        first, last = centers(later.blocks[0]), centers(later.blocks[-1])
        end = centers(mine.blocks[-1])
        assert all(np.linalg.norm(first[name] - end[name]) < 0.01 for name in end), "from where it got"
        assert later.success == (task.reward(last, board.BLOCK_8) >= 1.0)
        watched += later.success
    assert watched, "a demonstrator completes most"


@pytest.mark.usefixtures("as_dots")
def test_it_is_asked_again_once_it_is_over_or_its_patience_is() -> None:
    slow, quick = Going((0.0, 0.0)), Going((0.0, 0.0), over=True)
    steps = 5 * (len(next(own(1, slow))) - 1)
    assert len(slow.asked) == pytest.approx(steps / module.PATIENCE, abs=1.1)
    next(own(1, quick))
    least = (steps - module.PATIENCE) / module.EVERY
    assert least <= len(quick.asked) <= steps / module.EVERY + 1
    assert len(set(quick.asked)) == len(quick.asked), "by other seeds"


@pytest.mark.usefixtures("as_dots")
def test_where_blocks_are_lost_nobody_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails, and all of it is not done."""
    monkeypatch.setattr(World, "lost", lambda self: frozenset({"red_moon"}))
    (only,) = own(2, Going((0.0, 0.0)))
    assert not only.success and not np.isfinite(only.blocks[0, board.KINDS.index("red_moon"), 0])


@pytest.mark.usefixtures("as_dots")
def test_what_completes_its_task_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(10_000))
    monkeypatch.setattr(module, "complete", lambda task, blocks: next(calls) >= 17)
    (only,) = own(4, Going((0.001, 0.0)))
    assert only.success and only.source == OWN and len(only) == 1 + 17 // 5 + 1, "its end is seen"


@pytest.mark.usefixtures("as_dots")
def test_a_dataset_is_read_as_any_other(tmp_path: Path) -> None:
    assert collect_own(tmp_path / "a", Going((0.0, 0.0)), episodes=2, first_seed=5) >= 0
    found = list(read_footage(tmp_path / "a"))
    assert len(found) == 2 and found[0].fps == 2
    assert found[0].task == found[1].task and not found[0].success
    collect_own(tmp_path / "b", Going((0.0, 0.0)), episodes=2, first_seed=5)
    np.testing.assert_array_equal(found[1].rgb, list(read_footage(tmp_path / "b"))[1].rgb)
