"""Blocks that are pushed off the board on the way to long tasks are counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.tabletop.world.world import World
from vlp.evaluate.tabletop.losses import LossOptions, episode, main
from vlp.latent.folder import BUNDLED_LATENT

Frame = NDArray[np.uint8]


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def going(x: float, y: float) -> NDArray[np.float32]:
    return np.tile(np.array([x, y], np.float32), (6, 1))


def test_an_episode_is_over_once_a_block_is_lost(world: World) -> None:
    def sideways(frame: Frame, wanted: Frame | None, words: str) -> NDArray[np.float32]:
        return going(0.0, 0.02)

    kept, lost = (episode(world, sideways, seed, 2, 6) for seed in (20, 21))
    assert (kept["lost"], kept["pushes"]) == ([], 2)
    assert (lost["lost"], lost["pushes"]) == (["green_cube"], 1) and not lost["complete"]


def test_one_that_rests_loses_nothing_and_does_nothing(world: World) -> None:
    told: list[str] = []

    def still(frame: Frame, wanted: Frame | None, words: str) -> NDArray[np.float32]:
        told.append(words)
        return going(0.0, 0.0)

    found = episode(world, still, 1, 2, 6)
    assert found["lost"] == [] and found["pushes"] == 2 and found["done"] == 0 and not found["complete"]
    assert 1 <= len(set(told)) <= 2


def test_the_bundled_prior_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    main(LossOptions(weights=BUNDLED_LATENT, episodes=1, first_seed=1_000_006, pushes=1))
    found = json.loads((tmp_path / "results" / "losses-latent.json").read_text())
    (row,) = found["episodes"]
    assert row["pushes"] == 1 and row["lost"] == [] and found["losses_a_push"] == 0.0
