"""Understanding: the sentences that were written first, what is refused and why, and suggestions."""

from __future__ import annotations

import pickle
import random

import numpy as np
import pytest

from tasks.domain import AmbiguousInstruction, ImpossibleInstruction, UnknownInstruction
from tasks.tabletop.goals import LONG_TASKS
from tasks.tabletop.goals.goal import LongGoal, understand
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.goals.relations import InArea, NotMoved
from tasks.tabletop.understanding.spelling import edits, spelled
from tasks.tabletop.understanding.suggestions import suggestions
from tasks.tabletop.understanding.vocabulary import KNOWN, MEANINGFUL
from tasks.tabletop.world.layout import random_layout

LAYOUT, _ = random_layout(np.random.default_rng(1_000_000))
BOARD = {name: np.array(pose[:2]) for name, pose in LAYOUT.items()}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("stars on the left, moons on the right", "every star in the left half; every moon in"),
        ("swap the red moon with the blue cube", "the red moon and the blue cube swapped"),
        ("everything but the red moon to the top", "every block but the red moon in the top half"),
        ("spread all the red and blue blocks apart", "every red or blue block at least 10"),
        ("put the moons in the centre!", "every moon in the center"),
        ("first put the stars on the left, then the moons on the right", "left half (still so at"),
        ("first move the stars to the left, then the stars to the right", "(need not last); then:"),
        ("push everything to the right, but leave the red moon where it is", "but the red moon in the"),
        ("two of the red blocks to the left", "every red block in the left half"),
        ("one of the blue blocks to the left", "one of these: the blue cube and the"),
        ("red ones up top, all the others at the bottom", "every other block in the bottom half"),
    ],
)  # fmt: skip
def test_what_is_read_back(text: str, read: str) -> None:
    assert read in understand(text, BOARD).text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("only move the stars to the left", '"only"'),
        ("move the stars to the left unless they are red", '"unless"'),
        ("don't push the red moon", "standing rule"),
        ("don't put the stars on the left", "expected"),
        ("push the red moon to the left before the blue cube", '"before"'),
        ("lift the red moon", '"lift"'),
        ("onle the stars on the left", '"onle"'),
        ("once the stars are on the left, move the moons to the right", '"once"'),
        ("unles the moon is red put the stars on the left", '"unles"'),
        ("put the orange block on the left", '"orange"'),
        ("move the red star to the top", "on the table"),
        ("move nine blocks to the left", "9 of"),
        ("make a square of the red blocks", "4 blocks for the corners of a square"),
        ("move the stars to the left, the stars to the right", "no way to have both"),
        ("five blocks in a circle of 5 cm", "no way to have"),
        ("swap the red moon and the red moon", "two different blocks"),
        ("move it to the left", '"it"'),
        ("no stars on the right", "expected"),
        ("move all but the stars but the moons to the left", "expected"),
    ],
)
def test_what_is_refused_and_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="expected") as error:
        understand(text, BOARD)
    assert isinstance(error.value, (UnknownInstruction, ImpossibleInstruction))
    assert why in str(error.value), str(error.value)


def test_a_word_that_is_not_known_refuses_wherever_it_stands() -> None:
    words = ["put", "the", "stars", "on", "the", "left", "and", "the", "moons", "on", "the", "right"]
    for word in sorted(MEANINGFUL):
        for place in (0, 5, len(words)):
            said = " ".join([*words[:place], word, *words[place:]])
            try:
                goal = understand(said, BOARD)
            except UnknownInstruction:
                continue
            raise AssertionError(f"{said!r} was read as {goal.text!r}")


def test_names_that_are_several_are_asked_about() -> None:
    with pytest.raises(AmbiguousInstruction) as error:
        understand("put the star on the left and swap the cube and the red moon", BOARD)
    readings = error.value.readings
    assert len(readings) == 4
    goals = [understand(reading, BOARD) for reading in readings]
    assert len({goal.text for goal in goals}) == 4
    again = pickle.loads(pickle.dumps(error.value))
    assert again.readings == readings and str(again) == str(error.value)


def test_typos_are_read_and_said() -> None:
    goal = understand("psuh the starz to teh left, the mons to the right", BOARD)
    assert isinstance(goal, ProgramGoal)
    for said in ('"psuh" read as "push"', '"starz" read as "stars"', '"mons" read as "moons"'):
        assert said in goal.heard
    assert understand("put the stars on the left", BOARD).heard == ""
    assert edits("horizontl", "horizontal") == edits("psuh", "push") == 1


def test_a_typo_never_makes_another_known_word() -> None:
    draw = random.Random(0)
    known = sorted(word for word in KNOWN if len(word) > 3 and word.isalpha())
    taken = 0
    for word in known:
        for _ in range(5):
            at = draw.randrange(1, len(word))
            wrong = word[:at] + draw.choice("abcdefghijklmnopqrstuvwxyz") + word[at + draw.randrange(2) :]
            try:
                heard = spelled(f"push the {wrong}").heard
            except UnknownInstruction:
                continue
            if heard and f'read as "{word}"' not in heard:
                taken += 1
                assert wrong not in KNOWN  # as near to another one; it is said
    assert taken < 0.02 * 5 * len(known)


def test_loose_words_for_old_tasks_keep_the_old_goals() -> None:
    for task in LONG_TASKS:
        said = f"Could you {task.instruction.replace('color', 'colour').replace('center', 'centre')}, please?"
        goal = understand(said, BOARD)
        assert isinstance(goal, LongGoal) and goal.text == task.instruction


def test_negation_is_the_same_program_without_what_is_spared() -> None:
    goal = understand("move the stars and the moons to the left without moving the red moon", BOARD)
    assert isinstance(goal, ProgramGoal)
    moved, spared = goal.program.relations
    assert isinstance(spared, NotMoved) and spared.who == ("red_moon",)
    assert isinstance(moved, InArea) and "red_moon" not in moved.who


@pytest.mark.parametrize(
    "text",
    [
        "get everything out of the top left corner, quick",
        "apart from the moons, shuffle all blocks left",
        "don't push the red moon",
        "never push the green star up",
        "put anything but the stars left",
        "not now",
    ],
)
def test_nothing_is_suggested_against_a_sentence_that_forbids(text: str) -> None:
    assert suggestions(text, BOARD, lambda offer: understand(offer, BOARD)) == []


def test_suggestions_are_accepted_and_about_what_was_said() -> None:
    found = 0
    for text in (
        "shuffle the red moon to the left", "make a heart of the yellow blocks", "spin the green star up",
        "please bring stars rightish to the right", "polish the blue cube", "put the red star on the left",
        "group blocks by colours and smell", "line the stars upwards in a heap",
    ):  # fmt: skip
        for offer in suggestions(text, BOARD, lambda offer: understand(offer, BOARD)):
            goal = understand(offer, BOARD)
            found += 1
            for word in ("left", "right", "up", "red", "green", "blue", "yellow"):
                assert (word in offer) == (word in text) or word in goal.text, (text, offer)
    assert found


@pytest.mark.parametrize(
    "text",
    [
        "should the blue cube be at the top, move it to the bottom",
        "please should the red moon be on the left put the stars on the right",
        "put the stars on the left and should the moons be there put the moons on the right",
    ],
)
def test_should_at_the_beginning_sets_a_condition(text: str) -> None:
    with pytest.raises(UnknownInstruction, match='"should"'):
        understand(text, BOARD)
    assert "every star in the left half" in understand("the stars should be on the left", BOARD).text
