"""Shapes, the public names, and that the fakes keep the protocols they stand in for."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import planner
from planner import NoPlan, Proposer, StepsToGo, Tree, Value, VideoModel
from planner.fakes import BanditProposer, BanditValue, BanditVideo, number_frame, number_shown


@pytest.mark.parametrize(
    ("mean", "spread"),
    [
        (np.zeros(2), np.zeros(2, np.float32)),
        (np.zeros((2, 1), np.float32), np.zeros(2, np.float32)),
        (np.zeros(2, np.float32), np.zeros(3, np.float32)),
    ],
)
def test_steps_to_go_asserts_its_shapes(mean: Any, spread: Any) -> None:
    with pytest.raises(AssertionError, match="StepsToGo"):
        StepsToGo(mean, spread)


def test_no_plan_shows_the_commonest_reasons_in_one_line() -> None:
    video, proposer = BanditVideo(), BanditProposer(arms=tuple(range(1, 8)))

    class Refuse:
        def check(self, starts: Any, clips: Any, subgoals: Any) -> list[str | None]:
            return [f"no {text}" for text in subgoals]

    with pytest.raises(NoPlan) as failure:
        planner.search(
            proposer, video, BanditValue(), number_frame(0), "reach 9",
            beams=1, language_branches=7, video_branches=1, horizon=1, seed=0, guards=[Refuse()],
        )  # fmt: skip
    assert "1 x no add 4, 3 other reasons)" in str(failure.value) and "\n" not in str(failure.value)


def test_no_plan_for_an_empty_tree() -> None:
    assert "no subgoal was proposed for 'fly'" in str(NoPlan(Tree("fly", number_frame(0), 1.0, 0.0, ())))


def test_the_fakes_keep_their_protocols() -> None:
    models: tuple[Proposer, VideoModel, Value] = (BanditProposer(), BanditVideo(), BanditValue())
    assert (
        isinstance(models[0], Proposer) and isinstance(models[1], VideoModel) and isinstance(models[2], Value)
    )
    assert [number_shown(number_frame(n)) for n in (0, 255, 256, 65535)] == [0, 255, 256, 65535]
    with pytest.raises(ValueError, match=r"number: expected 0\.\.65535, got 65536"):
        number_frame(65536)


def test_the_public_names() -> None:
    assert len(set(planner.__all__)) == len(planner.__all__) == 37
    assert all(hasattr(planner, name) for name in planner.__all__)


def test_the_planner_loads_no_model() -> None:
    others = "('torch', 'video', 'vlp', 'executors')"
    code = f"import planner, planner.fakes, sys; print([name for name in {others} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
