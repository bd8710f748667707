"""Programs of relations by learned weights: what is told is heard to its end, what comes of it is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.vlp.evaluate.tabletop.test_robustness import LEARNED
from vlp.domains.tabletop.latent import ToldAgent, alone, read
from vlp.evaluate.tabletop.told_programs import ToldProgramOptions, carried_out, drawn, main

SEED = 1_000_901


class Standing(ToldAgent):
    """Does nothing, and takes everything for done."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def hears(self, goal: str) -> bool:
        self.asked.append(goal)
        return len(self.asked) > 2

    def next(self, frame: Any, goal: str, seed: int) -> str:
        return "wait"

    def actions(self, frame: Any, words: str) -> Any:
        return np.zeros((2, 2), np.float32)

    def over(self, begun: Any, now: Any, words: str) -> bool:
        return False

    def reached(self, frame: Any, goal: str) -> bool:
        return True


def test_what_is_not_heard_to_its_end_is_drawn_anew_and_counted() -> None:
    agent = Standing()
    text, unheard = drawn(agent, SEED, 1)
    assert unheard == 2 and len(agent.asked) == 3 and agent.asked[-1] == read(text)


def test_who_does_nothing_and_says_done_is_told_so() -> None:
    agent = Standing()
    text, _ = drawn(agent, SEED, 1)
    found = carried_out(agent, text, text, SEED, steps=70)
    assert found == {"complete": False, "seen_done": False, "said_done_before": 2}


def test_boards_are_told_their_own_sentence_and_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main(ToldProgramOptions(LEARNED, programs=2, first_seed=SEED, steps=8))
    found = json.loads((tmp_path / "results/told-programs.json").read_text())
    agent = alone(LEARNED)
    assert found["completed"]["of"] == found["completed_told_another"]["of"] == len(found["rows"]) == 2
    assert all(agent.hears(read(row["text"])) and not row["complete"] for row in found["rows"])
    long = "put the red moon between the blue cube and the green star and line up the cubes vertically"
    assert not agent.hears(read(long))
