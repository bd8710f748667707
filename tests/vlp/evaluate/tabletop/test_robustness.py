"""Robustness: pictures are spoiled as they are said to be, and each row is measured on the same boards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World
from vlp.evaluate.tabletop.robustness import SPOILS, RobustnessOptions, main

LEARNED = Path(__file__).parents[4] / "vlp/bundled_latent"


def test_pictures_are_spoiled_as_they_are_said_to_be() -> None:
    world, rng = World(), np.random.default_rng(0)
    world.place(*random_layout(rng))
    seen = world.render()
    world.close()
    spoiled = {name: spoil(seen, rng) for name, spoil in SPOILS.items()}
    means = {name: float(picture.mean()) / float(seen.mean()) for name, picture in spoiled.items()}
    assert (spoiled["as it is"] == seen).all()
    assert means["light -20%"] == pytest.approx(0.8, abs=0.01)
    assert means["light +20%"] == pytest.approx(1.2, abs=0.02)
    assert means["noise of 10"] == pytest.approx(1.0, abs=0.01)
    assert np.std(spoiled["noise of 10"].astype(float) - seen) == pytest.approx(10, abs=1)
    for name, color in (("another grey", (160, 160, 160)), ("green", (90, 160, 90))):
        board = (spoiled[name] == color).all(-1)
        assert 0.4 < board.mean() < 0.95 and (spoiled[name][~board] == seen[~board]).all()


def test_pushes_and_boards_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    only = ("as it is", "light -20%")
    options = RobustnessOptions(LEARNED, pushes=2, boards=1, first_seed=1_000_801, long_steps=12, only=only)
    main(options)
    rows = json.loads((tmp_path / "results/robustness-latent.json").read_text())["rows"]
    assert list(rows) == list(only)
    assert rows["as it is"]["pushes"][0] == "done"
    assert all(len(row["pushes"]) == 2 and row["boards"] == [False] for row in rows.values())
