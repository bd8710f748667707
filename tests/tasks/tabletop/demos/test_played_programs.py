"""Programs played without physics: the script that demonstrates them, and the boards on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.tabletop.demos import played_programs
from tasks.tabletop.demos.arranged import Arranged
from tasks.tabletop.demos.drawn_programs import draw_step
from tasks.tabletop.demos.played_programs import NOTHING, PlayedPrograms, record_played_programs
from tasks.tabletop.world.layout import random_layout


def board(seed: int) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    layout, _ = random_layout(np.random.default_rng(seed))
    return {name: np.array(pose[:2]) for name, pose in layout.items()}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PlayedPrograms:
    path = record_played_programs(tmp_path_factory.mktemp("programs") / "programs-000.npz", 7, 300)
    return PlayedPrograms.load(path)


def test_programs_can_be_brought_about_and_are_not_yet() -> None:
    for seed in range(20):
        blocks = board(seed)
        step = draw_step(np.random.default_rng(seed), blocks)
        assert 1 <= len(step) <= 4 and any(relation.reward(blocks) < 1.0 for relation in step)


def test_a_neighbour_that_is_a_little_off_its_own_place_bars_none() -> None:
    """Places of neighbours are 5.2 cm apart: one that was pushed to within 14 mm of its own barred the next
    one's for ever, which was pushed out of the way, and back, until the end."""
    here = {"red_moon": np.array([0.3, 0.012]), "blue_cube": np.array([0.3, 0.2])}
    wanted = {"red_moon": np.array([0.3, 0.0]), "blue_cube": np.array([0.3, 0.052])}
    arranged = Arranged(here, wanted, ())
    assert arranged.off == ["blue_cube"] and not arranged.barred("blue_cube")
    stranger = {"red_moon": np.array([0.3, 0.012]), "blue_cube": np.array([0.3, 0.2])}
    elsewhere = wanted | {"red_moon": np.array([0.4, 0.0])}
    assert Arranged(stranger, elsewhere, ()).barred("blue_cube"), "what does not belong there still bars"


def test_what_is_demonstrated_is_mostly_brought_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine of ten; with neighbours that bar each other two of three."""
    monkeypatch.setattr(played_programs, "ASTRAY", 0.0)
    ends = [played_programs._episode(np.random.default_rng(seed))[1][-1][4] for seed in range(40)]
    assert np.mean([left == 0.0 for left in ends]) > 0.8


def test_boards_say_what_is_next_and_how_far_it_is(data: PlayedPrograms) -> None:
    assert len(data.slots) >= 300 and np.isfinite(data.slots).all() and (data.steps >= 0).all()
    over = data.steps == 0
    assert over.any() and (data.push[over] == NOTHING).all()
    to_do = data.push != NOTHING
    rows = np.flatnonzero(to_do)
    assert to_do.mean() > 0.7 and (data.slots[rows, data.push[rows], 0] == 1).all(), "blocks that are there"
    ways = data.spot[rows] - (data.slots[rows, data.push[rows], 1:3] * [0.25, 0.30] + [0.35, 0.0])
    assert (np.linalg.norm(ways, axis=1) > 0.005).all()
    there = data.slots[:, :16, 0] == 1
    assert not np.isnan(data.wanted[there]).any(1).mean() > 0.05


def test_steps_go_down_along_an_episode_that_succeeds(data: PlayedPrograms) -> None:
    good = [p for p in range(len(data.kind)) if data.steps[data.program == p][-1] == 0.0]
    assert len(good) > 5
    for program in good:
        assert (np.diff(data.steps[data.program == program]) < 0).all()


def test_a_seed_gives_the_same_boards_and_a_file_is_kept(data: PlayedPrograms, tmp_path: Path) -> None:
    again = record_played_programs(tmp_path / "programs-000.npz", 7, 300)
    np.testing.assert_array_equal(PlayedPrograms.load(again).slots, data.slots)
    written = again.stat().st_mtime_ns
    assert record_played_programs(again, 8, 300).stat().st_mtime_ns == written
