"""Moments at which what is told is done: those of successes, with where they were begun."""

from __future__ import annotations

import numpy as np
import pytest

from tests.video.latent.conftest import half_failed, two_subgoals
from video.latent.ends import AFTER, AT_END, BEGINNING, NEARLY, SUBGOAL, TASK, Ends
from video.latent.store import FrameStore


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return half_failed(tmp_path_factory.mktemp("ends"))


@pytest.mark.parametrize("column", [SUBGOAL, TASK])
def test_ends_are_those_of_successes(store: FrameStore, column: int) -> None:
    """A failure is never done, at its end above all; just before an end it may be over, and nobody asks."""
    ends, rng = Ends(store, column), np.random.default_rng(0)
    drawn = [ends.draw(rng) for _ in range(2000)]
    _, frames, _, done = (np.array(part) for part in zip(*drawn, strict=True))
    left = np.repeat(store.stop, store.stop - store.start) - 1 - np.arange(len(store))
    good = np.repeat(store.success, store.stop - store.start)
    over = (left <= AT_END * store.fps) & good
    unclear = good & ~over & (left <= NEARLY[column] * store.fps)
    assert set(frames[done]) == set(np.flatnonzero(over))
    assert not (over | unclear)[frames[~done]].any() and (left[frames[~done]] == 0).any()
    odds = (~over & ~unclear).sum() / over.sum()
    assert ends.often == pytest.approx(odds) and abs(done.mean() - 0.5) < 0.05


def test_a_subgoal_has_ends_of_its_own_and_is_over_for_a_while(store: FrameStore) -> None:
    two = two_subgoals(store)
    ends, rng = Ends(two, SUBGOAL), np.random.default_rng(0)
    middle = (two.start[0] + two.stop[0]) // 2
    drawn = [ends.draw(rng) for _ in range(4000)]
    first = {m.shown for m in drawn if m.done and m.text == two.text[0, SUBGOAL] and m.shown < two.stop[0]}
    late = round(AFTER * two.fps)
    assert first == set(range(middle - 1 - round(AT_END * two.fps), middle + late))
    assert max(m.shown for m in drawn if m.done) == two.stop[6] - 1, "the eighth failed"
    failed = range(two.start[1], two.stop[1])
    unclear = (two.start[1] + two.stop[1]) // 2 - 1
    assert not any(m.done for m in drawn if m.shown in failed)
    assert unclear not in {m.shown for m in drawn}, "nobody says whether that was done"


def test_it_was_begun_early_in_its_own_subgoal(store: FrameStore) -> None:
    two = two_subgoals(store)
    ends, rng = Ends(two, SUBGOAL), np.random.default_rng(0)
    episode = np.repeat(np.arange(len(two.start)), two.stop - two.start)
    for moment in (ends.draw(rng) for _ in range(1000)):
        assert two.text[moment.begun, SUBGOAL] == moment.text
        assert episode[moment.begun] == episode[moment.shown]
        first = np.flatnonzero((episode == episode[moment.begun]) & (two.text[:, SUBGOAL] == moment.text))[0]
        assert first <= moment.begun <= first + BEGINNING * (moment.shown - first)
