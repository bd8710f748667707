"""Boards played without physics, as files to train from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.tabletop.demos.kinematic import MISSED
from tasks.tabletop.demos.played import PLAYS, Played, record_played
from tasks.tabletop.demos.rollouts import read_instruction
from tasks.tabletop.goals import BY_INSTRUCTION
from tasks.tabletop.seeing.slots import PUSHER, places
from tasks.tabletop.world.board import KINDS


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return Played.load(record_played(tmp_path_factory.mktemp("played") / "played-000.npz", 5, 120))


def test_there_are_as_many_boards_as_asked_for(played: Played) -> None:
    assert 120 <= len(played.goal) < 140
    assert played.slots.shape == (len(played.goal), PUSHER + 1, 5)
    assert played.steps.shape == (len(played.goal), PLAYS) and (played.steps >= 0).all()


def test_what_is_done_takes_no_steps_and_what_is_not_some(played: Played) -> None:
    for state, goal, asked, steps in zip(played.slots, played.goal, played.asked, played.steps, strict=True):
        where = places(state).astype(float)
        blocks = {kind: where[i] for i, kind in enumerate(KINDS) if state[i, 0]}
        reward = BY_INSTRUCTION[str(goal)].reward(blocks)
        if reward >= 1.0:
            assert not asked and (steps == 0).all()
        elif asked:
            assert set(read_instruction(str(asked)).blocks()) <= set(blocks)
            assert (steps > 0).all()
        assert (steps <= MISSED + 700).all()


def test_the_pusher_stands_in_no_block(played: Played) -> None:
    where = places(played.slots)
    gaps = np.linalg.norm(where[:, :PUSHER] - where[:, PUSHER:], axis=-1)
    near = np.where(played.slots[:, :PUSHER, 0] > 0, gaps, 1.0).min(1)
    assert np.quantile(near, 0.05) > 0.025


def test_a_seed_gives_the_same_file_and_a_file_is_kept(tmp_path: Path) -> None:
    one, two = (Played.load(record_played(tmp_path / name, 9, 10)) for name in ("a.npz", "b.npz"))
    assert np.array_equal(one.slots, two.slots) and np.array_equal(one.steps, two.steps)
    again = Played.load(record_played(tmp_path / "a.npz", 10, 10))
    assert np.array_equal(again.slots, one.slots)
