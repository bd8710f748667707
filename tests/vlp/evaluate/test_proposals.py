"""What is proposed, beside what is left to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from planner import Frames, Proposal
from tasks.tabletop.demos.collect import collect
from tests.tasks.tabletop.demos.conftest import drawn_as_dots
from vlp.evaluate.tabletop.proposals import ProposalOptions, figures, measured, moments


class Saying:
    """Proposes, moment by moment, what it is given."""

    def __init__(self, said: Sequence[Sequence[Proposal]]) -> None:
        self._said = said

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        return [list(self._said[seed])]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("long") / "data"
    with drawn_as_dots():
        collect(root, episodes=2, kind="long", first_seed=3)
    return root


def test_what_is_left_to_do_is_told_from_what_is_done(data: Path) -> None:
    options = ProposalOptions(vlm=data, data=data, every=20)
    seen = list(moments(data, 20))
    assert len({id(episode) for episode, _, _ in seen}) == 2
    right = [[Proposal(sorted(left)[0], 0.5), Proposal("dance", 0.25)] for _, _, left in seen]
    for said, left_to_do in (
        (right, 2 / 3),
        ([[Proposal("dance", 1.0)]] * len(seen), 0.0),
        ([[]] * len(seen), 0.0),
    ):
        found = figures([one for many in measured(Saying(said), options).values() for one in many])
        assert found["left_to_do"]["mean"] == pytest.approx(left_to_do, abs=1e-3)  # type: ignore[index]
        assert found["likeliest_is_left_to_do"]["mean"] == float(left_to_do > 0)  # type: ignore[index]
        assert 0 < found["any_subgoal_of_the_task_is"]["mean"] < 1  # type: ignore[index]


def test_what_was_just_done_is_no_longer_left(data: Path) -> None:
    for episode, frame, left in moments(data, 1):
        if frame and episode.subgoal[frame] != episode.subgoal[frame - 1]:
            assert episode.subgoal[frame] in left
    assert np.mean([episode.subgoal[frame] in left for episode, frame, left in moments(data, 5)]) > 0.8
