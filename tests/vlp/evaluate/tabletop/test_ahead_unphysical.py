"""Boards without physics: pictures stand for states, pushes do what they say, widths are compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from planner import Value, VideoModel
from tasks.tabletop.goals.goal import understand
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.language import spot_words
from tasks.tabletop.rules import BoardRules
from tasks.tabletop.seeing.slots import PUSHER, places
from tasks.tabletop.world.board import KINDS
from vlp.domains.tabletop.arranged_parts import Arranger
from vlp.evaluate.tabletop.ahead_unphysical import PAIRS, WIDTHS, UnphysicalOptions, main
from vlp.evaluate.tabletop.unphysical import ArrangementValue, BoardState, KnowsTheEnd, States

STATE = BoardState(
    {"red_moon": np.array([0.35, 0.15]), "blue_cube": np.array([0.35, -0.15])}, np.array([0.3, 0.0])
)
LEFT = "put the red moon on the left"


def test_pictures_stand_for_states_and_clips_for_pushes() -> None:
    states = States()
    assert isinstance(states, VideoModel)
    frame = states.picture(STATE)
    words = spot_words("red_moon", np.array([0.35, 0.0]))
    clips = states.imagine(np.stack([frame, frame, frame]), [words] * 3, [1, 1, 2])
    after = states.blocks_of(clips[:, -1])
    assert all(np.hypot(*(np.array(b["red_moon"]) - (0.35, 0.0))) < 0.03 for b in after)
    assert after[0] == after[1] != after[2] and all(b["blue_cube"] == (0.35, -0.15) for b in after)
    assert states.state(frame) is STATE
    seen = states.see(frame[None])
    at = places(seen)[0]
    assert at[KINDS.index("red_moon")] == pytest.approx((0.35, 0.15), abs=1e-4)
    assert at[PUSHER] == pytest.approx((0.3, 0.0), abs=1e-4) and seen[0, :PUSHER, 0].sum() == 2


def test_the_end_is_known_and_nothing_else_is_taken_for_it() -> None:
    states = States()
    goal = understand(LEFT, STATE.blocks)
    assert isinstance(goal, ProgramGoal)
    value = KnowsTheEnd(ArrangementValue(Arranger(states, goal, BoardRules())), states, goal)
    assert isinstance(value, Value)
    there = BoardState({**STATE.blocks, "red_moon": np.array([0.35, -0.2])}, STATE.pusher)
    nearly = BoardState({**STATE.blocks, "red_moon": np.array([0.35, 0.02])}, STATE.pusher)
    told = value.steps_to_go(np.stack([states.picture(s) for s in (STATE, nearly, there)]), LEFT).mean
    assert told[0] > told[1] > 4 and told[2] == 0.0


def test_what_is_compared_has_equal_clips_or_is_said_to_have_fewer() -> None:
    def clips(width: str) -> int:
        beams, language, video, horizon = WIDTHS[width]
        return language * video * (1 + beams * (horizon - 1))

    unequal = {pair for pair in PAIRS if clips(pair[0]) != clips(pair[1])}
    assert unequal == {("2/16/1 horizon 3", "1/12/1"), ("1/12/4", "1/1/1"), ("1/12/1", "1/4/4")}


@pytest.mark.parametrize("by", ["script", "learned"])
def test_boards_are_played_to_their_end(by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    widths = ("1/12/1", "2/16/1 horizon 3")
    main(UnphysicalOptions(tasks=("sort",), widths=widths, by=by, boards=2, first_seed=1_000_801))  # type: ignore[arg-type]
    found = json.loads((tmp_path / f"results/ahead-unphysical-{by}.json").read_text())["tasks"]["sort"]
    assert all(found["widths"][width]["completed"]["share"] == 1.0 for width in widths)
    first, second = (found["widths"][width]["steps"] for width in reversed(widths))
    (told,) = found["differences"].values()
    assert told["fewer_steps"]["mean"] == pytest.approx(np.mean(second) - np.mean(first), abs=1.0)
