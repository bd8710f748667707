"""Suggestions for refused sentences: none against them, by a checker that finds those that are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tasks.tabletop.understanding import suggestions
from tasks.tabletop.world.layout import random_layout
from tests.conftest import ROOT
from vlp.evaluate.tabletop.suggested import accepted, against, measured, moved, named, offered

LAYOUT, _ = random_layout(np.random.default_rng(1_000_000))
BOARD = {name: np.array(pose[:2]) for name, pose in LAYOUT.items()}
LISTS = ROOT / "tests" / "tasks" / "tabletop" / "goals"


def sayings(name: str) -> list[str]:
    return [entry["say"] for entry in json.loads((LISTS / f"{name}.json").read_text(encoding="utf-8"))]


@pytest.mark.parametrize(
    ("say", "offer"),
    [
        ("don't push the red moon", "push the red moon up"),
        ("the red moon mustn't go to the top", "push the red moon to the top"),
        ("push the moons to the right, sparing the red moon", "push the red moon to the right"),
        ("everything but the stars to the left", "put the stars on the left"),
        ("if it is there push the red moon up", "push the red moon up"),
        ("ungroup the blocks by color", "group the blocks by color"),
        ("scatter the stars", "gather the stars"),
        ("gather the stars oddly", "spread out the stars"),
        ("push the red moon to the far left", "push the red moon to the right"),
        ("push the red moon to the left", "push the blue moon to the left"),
        ("half of the red blocks to the top", "put the red blocks on the top"),
        ("put the orange cube on the left", "put the cubes on the left"),
        ("neatly group the blocks by color", "group the blocks by shape"),
        ("sort the blocks by size into the corners", "sort the blocks by color into the corners"),
        ("knock the red moon to the red pentagon", "put the moons next to the red pentagon"),
        ("move it to the left", "move all blocks to the left side"),
        ("knock the blue cube off the right edge", "push the blue cube to the right"),
    ],
)
def test_what_is_against_a_sentence_is_found(say: str, offer: str) -> None:
    assert against(say, offer, BOARD)


@pytest.mark.parametrize(
    ("say", "offer"),
    [
        ("roll the red moon to the right", "push the red moon to the right"),
        ("the stars to the left, but not the moons", "put the stars on the left"),
        ("gather the stars oddly", "gather the stars"),
        ("arrange the blocks nicely by color", "group the blocks by color"),
    ],
)
def test_what_is_not_against_it_is_let_be(say: str, offer: str) -> None:
    assert against(say, offer, BOARD) == ""


def test_blocks_are_found_by_plain_look_up() -> None:
    assert named("the red moon and all stars", BOARD) == {"red_moon", "green_star", "yellow_star"}
    assert named("green blocks", BOARD) == {"green_cube", "green_star"}
    assert moved("push the red moon next to the blue cube", BOARD) == {"red_moon"}
    assert moved("swap the red moon and the blue cube", BOARD) == {"red_moon", "blue_cube"}
    assert moved("group the blocks by color", BOARD) == set(BOARD)


def test_only_what_is_not_understood_is_offered_something() -> None:
    assert offered("stars on the left, moons on the right", BOARD) is None
    assert offered("put the star on the left", BOARD) is None, "it asks back"
    assert offered("roll the red moon to the right", BOARD) == ["push the red moon to the right"]
    assert accepted("push the red moon to the right", BOARD) and not accepted("put the star left", BOARD)


def test_no_suggestion_is_against_its_sentence() -> None:
    found = measured(sayings("refused_sentences"), BOARD)
    assert found["faults"] == [] and found["refused"] >= 60 and found["suggestions"] >= 5


def test_without_the_check_of_each_word_some_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggestions, "_safe", lambda text: True)
    worst = [say for say in sayings("refused_sentences") if "mustn't" in say or "forbidden" in say]
    assert len(measured(worst, BOARD)["faults"]) == len(worst) == 2


@pytest.mark.parametrize("sign", ["\u2260", "-", "!=", "\U0001f6ab", "/", "~"])
def test_a_sign_may_mean_anything(sign: str) -> None:
    assert offered("roll the red moon to the right", BOARD)
    assert offered(f"roll {sign} the red moon to the right", BOARD) in ([], None)


def test_a_long_text_is_looked_at_in_no_time() -> None:
    for text in ("a" * 399 + "#", "ab " * 133 + "#", "a-" * 190 + "#"):
        assert suggestions.suggestions(text, BOARD, lambda offer: None) == []
