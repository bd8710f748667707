"""The measurement of the learned VLM, on one that says what it is told to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from planner import Proposal, StepsToGo
from tests.video.latent.conftest import write
from video.latent.ends import TASK
from video.latent.store import FrameStore, pack
from vlp.evaluate.latent_vlm import area, measured


class Clockwork:
    """Proposes the goal; knows the time by how far right and down the square is; takes the end for done."""

    def propose(
        self, frames: np.ndarray, goal: str, histories: object, n: int, *, seed: int
    ) -> list[list[Proposal]]:
        assert n == 1
        return [[Proposal(goal, 1.0)] for _ in frames]

    def steps_to_go(self, frames: np.ndarray, goal: str) -> StepsToGo:
        at = np.array([np.argwhere(f[..., 0] > 150).mean(0).sum() for f in frames], np.float32)
        return StepsToGo(-at, np.zeros_like(at))

    def chance(self, frame: np.ndarray, goal: str, of: int = TASK) -> float:
        return 0.9 if frame[0, 0, 0] == 7 else 0.1


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    return pack([write(tmp_path / "data")], tmp_path / "store", report=lambda _: None)


def test_figures_are_of_what_it_said(store: FrameStore) -> None:
    store = FrameStore(**{**vars(store), "frames": np.array(store.frames)})
    store.frames[store.stop - 1, 0, 0] = 7
    found = measured(Clockwork(), store, 8)  # type: ignore[arg-type]
    one = found["one_subgoal"]
    assert isinstance(one, dict)
    assert one["same_subgoal"]["share"] == 1.0 and one["same_subgoal"]["of"] == 56
    assert one["steps_to_go_correlation"]["mean"] > 0.95 and one["steps_to_go_correlation"]["of"] == 8
    assert one["area_under_roc_of_success"] == 1.0 and one["undone_is_taken_for_done"]["share"] == 0.0
    assert one["subgoal_over_is_seen"]["share"] == 1.0 and one["subgoal_over_is_seen"]["of"] == 8
    assert one["subgoal_halfway_is_taken_for_over"]["share"] == 0.0 and one["area_under_roc_of_subgoals"] == 1
    assert found["several"]["same_subgoal"]["of"] == 0  # type: ignore[index]


def test_a_failure_is_never_done(store: FrameStore) -> None:
    failed = FrameStore(**{**vars(store), "success": np.zeros_like(store.success)})
    one = measured(Clockwork(), failed, 8)["one_subgoal"]  # type: ignore[arg-type]
    assert isinstance(one, dict)
    assert one["done_is_seen"]["of"] == 0 and one["undone_is_taken_for_done"]["of"] == 64
    assert one["area_under_roc_of_success"] is None


def test_the_area_counts_ties_half() -> None:
    assert area(np.array([1.0, 0.5]), np.array([0.5, 0.0])) == pytest.approx(0.875)
