"""Clips, and what the robot does in their place, are judged alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.tabletop.world.world import World
from tests.vlp.evaluate.tabletop.test_robustness import LEARNED
from video.latent.bundle import LatentBundle
from vlp.domains.tabletop.latent import ToldAgent
from vlp.evaluate.tabletop.acted import EXECUTE, STEPS, acted
from vlp.evaluate.tabletop.asked import ask
from vlp.evaluate.tabletop.following import layout_of
from vlp.evaluate.tabletop.imagined import ImaginedOptions, main

SEED = 1_000_905


class Going(ToldAgent):
    """Goes down, as it is seen, until it says that it is over."""

    def __init__(self, over: int) -> None:
        self._over, self.asked = over, 0

    def actions(self, frame: Any, words: str) -> Any:
        return np.tile(np.array([0.004, 0.0], np.float32), (EXECUTE + 2, 1))

    def over(self, begun: Any, now: Any, words: str) -> bool:
        self.asked += 1
        return self.asked >= self._over


def test_the_robot_acts_for_a_clip_and_rests_once_it_is_over() -> None:
    world = World()
    ask(world, "block2area", SEED)
    layout = layout_of(world)
    first, never = world.render(), Going(99)
    far, soon = acted(never, layout, "go"), Going(2)
    near = acted(soon, layout, "go")
    assert never.asked == STEPS // EXECUTE - 1, "it is asked whenever it looks, but not before it began"
    assert soon.asked == 2, "what is over stays so"
    came = [
        np.flatnonzero((first.astype(int) - last.astype(int) > 40).all(-1).any(1)) for last in (near, far)
    ]
    assert len(came[0]) and came[0].mean() + 3 < came[1].mean(), "rows that the robot darkens"


def test_that_is_as_long_as_a_clip_of_the_bundled_weights() -> None:
    bundle = LatentBundle.load(LEARNED)
    assert bundle.prior.config.frames * bundle.stride == STEPS


@pytest.mark.parametrize("by", ["video", "robot"])
def test_both_are_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: Any) -> None:
    monkeypatch.chdir(tmp_path)
    main(ImaginedOptions(clips=2, first_seed=SEED, weights=LEARNED, by=by, name="found"))
    found = json.loads((tmp_path / "results/found.json").read_text())
    assert found["by"] == by and found["first_seed"] == SEED
    assert found["named_block_moves"]["of"] == found["subgoal_reached"]["of"] == 2
