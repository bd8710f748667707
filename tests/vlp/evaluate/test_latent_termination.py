"""The measurement of what tells when a subgoal is over, on one that knows by a mark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.video.latent.conftest import half_failed, two_subgoals
from video.latent.store import FrameStore
from vlp.evaluate.latent_termination import measured


class Marks:
    """Over where the last frame is marked and the first is not."""

    def over(self, begun: np.ndarray, now: np.ndarray, subgoals: Sequence[str]) -> np.ndarray:
        assert len(begun) == len(now) == len(subgoals)
        marked = (begun[:, 0, 0, 0] != 7) & (now[:, 0, 0, 0] == 7)
        return np.where(marked, 0.9, 0.2)


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    found = two_subgoals(half_failed(tmp_path))
    return FrameStore(**{**vars(found), "frames": np.array(found.frames)})


def test_figures_are_of_the_ends_of_successes(store: FrameStore) -> None:
    middle = (store.start + store.stop) // 2
    store.frames[middle - 1, 0, 0] = store.frames[store.stop - 1, 0, 0] = 7
    found = measured(Marks(), store)  # type: ignore[arg-type]
    several, one = found["several"], found["one_subgoal"]
    assert isinstance(several, dict) and isinstance(one, dict)
    assert several["over_is_seen"]["share"] == 1.0 and several["over_is_seen"]["of"] == 8, "four succeeded"
    assert several["halfway_is_taken_for_over"]["share"] == 0.0 and several["area_under_roc"] == 1.0
    assert one["over_is_seen"]["of"] == 0 and one["area_under_roc"] is None
    store.frames[middle - 1, 0, 0] = 0
    fewer = measured(Marks(), store)["several"]  # type: ignore[arg-type]
    assert isinstance(fewer, dict) and fewer["over_is_seen"]["share"] == 0.5
