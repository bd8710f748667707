"""Written programs: they mean what the grammar means by the same words, and nothing unsound passes."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tasks.domain import ImpossibleInstruction, UnknownInstruction
from tasks.tabletop.goals.goal import LongGoal, understand
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.goals.relations import AtPlace
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.written import Unsound, Written, goal_of

LAYOUT, _ = random_layout(np.random.default_rng(1_000_000))
BOARD = {name: np.array(pose[:2]) for name, pose in LAYOUT.items()}
SAME: list[tuple[str, list[list[dict[str, Any]]]]] = [
    (
        "stars on the left, moons on the right",
        [
            [
                {"relation": "in_area", "blocks": {"of": ["star"]}, "area": "left"},
                {"relation": "in_area", "blocks": {"of": ["moon"]}, "area": "right"},
            ]
        ],
    ),
    (
        "everything but the red moon to the top",
        [[{"relation": "in_area", "blocks": {"of": ["all"], "but": ["red_moon"]}, "area": "top"}]],
    ),
    (
        "one of the blue blocks to the left",
        [[{"relation": "in_area", "blocks": {"of": ["blue"], "count": 1}, "area": "left"}]],
    ),
    ("swap the red moon and the blue cube", [[{"relation": "swapped", "pair": ["red_moon", "blue_cube"]}]]),
    (
        "put the red moon next to the green blocks",
        [[{"relation": "near", "blocks": {"of": ["red_moon"]}, "others": {"of": ["green"]}}]],
    ),
    ("gather the stars", [[{"relation": "together", "blocks": {"of": ["star"]}}]]),
    (
        "spread all the red and blue blocks apart",
        [[{"relation": "apart", "blocks": {"of": ["red", "blue"]}}]],
    ),
    (
        "move the red moon and the green star away from the blue cube and the blue moon",
        [
            [
                {
                    "relation": "apart",
                    "blocks": {"of": ["red_moon", "green_star"]},
                    "others": {"of": ["blue_cube", "blue_moon"]},
                }
            ]
        ],
    ),
    (
        "put the stars left of the blue cube",
        [
            [
                {
                    "relation": "side",
                    "blocks": {"of": ["star"]},
                    "direction": "left",
                    "others": {"of": ["blue_cube"]},
                }
            ]
        ],
    ),
    (
        "put the red moon between the blue cube and the green star",
        [[{"relation": "between", "blocks": {"of": ["red_moon"]}, "ends": ["blue_cube", "green_star"]}]],
    ),
    (
        "line up the stars and the moons vertically",
        [[{"relation": "line", "blocks": {"of": ["star", "moon"]}, "direction": "vertical"}]],
    ),
    (
        "put the red moon, the blue cube and the green star in a row from top to bottom",
        [
            [
                {
                    "relation": "row",
                    "order": ["red_moon", "blue_cube", "green_star"],
                    "along": "top_to_bottom",
                }
            ]
        ],
    ),
    (
        "a circle of the yellow and blue blocks",
        [[{"relation": "circle", "blocks": {"of": ["yellow", "blue"]}}]],
    ),
    (
        "put the red moon, the blue cube and the green star on the corners of a triangle",
        [
            [
                {
                    "relation": "corners",
                    "blocks": {"of": ["red_moon", "blue_cube", "green_star"]},
                    "figure": "triangle",
                }
            ]
        ],
    ),
    (
        "put the red moon at x 40 y 20",
        [[{"relation": "at_place", "block": "red_moon", "x": 40, "y": 20}]],
    ),
    ("clear the top left corner", [[{"relation": "area_clear", "area": "top_left"}]]),
    (
        "put the stars on the left and leave the red moon where it is",
        [
            [
                {"relation": "in_area", "blocks": {"of": ["star"]}, "area": "left"},
                {"relation": "not_moved", "blocks": {"of": ["red_moon"]}},
            ]
        ],
    ),
    (
        "first group by color, then the red ones to the top",
        [
            [{"relation": "sorted", "by": "color"}],
            [{"relation": "in_area", "blocks": {"of": ["red"]}, "area": "top"}],
        ],
    ),
]
"""Sentences and the programs that mean the same."""


@pytest.mark.parametrize(("text", "steps"), SAME, ids=[text for text, _ in SAME])
def test_a_written_program_is_what_the_grammar_reads(text: str, steps: list[Any]) -> None:
    read, written = understand(text, BOARD), goal_of(Written(steps=steps), BOARD)
    assert isinstance(read, ProgramGoal) and isinstance(written, ProgramGoal)
    assert [set(step) for step in read.program.steps] == [set(step) for step in written.program.steps]
    assert read.program.kept == written.program.kept and read.text == written.text


def test_every_relation_can_be_written() -> None:
    used = {relation["relation"] for _, steps in SAME for step in steps for relation in step}
    schemas = Written.model_json_schema()["$defs"].values()
    assert used == {s["properties"]["relation"]["const"] for s in schemas if "relation" in s["properties"]}


def test_a_program_that_is_a_long_task_is_that_task() -> None:
    goal = goal_of(Written(steps=[[{"relation": "sorted", "by": "shape"}]]), BOARD)  # type: ignore[list-item]
    assert isinstance(goal, LongGoal) and goal.text == "group the blocks by shape"


def test_a_face_is_places() -> None:
    spots = {
        "yellow_star": (25, -8),
        "yellow_pentagon": (25, 8),
        "blue_cube": (45, -7),
        "blue_moon": (45, 7),
    }
    steps = [
        [
            {"relation": "at_place", "block": name, "x": x, "y": y, "within": 3}
            for name, (x, y) in spots.items()
        ]
    ]
    goal = goal_of(Written(steps=steps), BOARD, heard="as somebody reads it")  # type: ignore[arg-type]
    assert isinstance(goal, ProgramGoal) and goal.heard == "as somebody reads it"
    assert all(isinstance(relation, AtPlace) for relation in goal.program.relations)
    placed = {**BOARD, **{name: np.array(xy) / 100 for name, xy in spots.items()}}
    assert goal.reward(placed, (0.35, 0.0)) == 1.0 and goal.reward(BOARD, (0.35, 0.0)) < 1.0
    assert "the yellow star at x 25 cm, y -8 cm, to within 3 cm" in goal.text


def in_left(**blocks: Any) -> list[list[dict[str, Any]]]:
    return [[{"relation": "in_area", "blocks": blocks, "area": "left"}]]


UNFIT: dict[str, Any] = {
    "no steps": {"steps": []},
    "an empty step": {"steps": [[]]},
    "both": {"steps": in_left(of=["all"]), "cannot": "no"},
    "an unknown relation": {"steps": [[{"relation": "thrown", "blocks": {"of": ["all"]}}]]},
    "an unknown colour": {"steps": in_left(of=["orange"])},
    "an empty set": {"steps": in_left(of=[])},
    "no number": {"steps": [[{"relation": "at_place", "block": "red_moon", "x": float("nan"), "y": 0}]]},
    "no end": {"steps": [[{"relation": "at_place", "block": "red_moon", "x": float("inf"), "y": 0}]]},
    "far away": {"steps": [[{"relation": "at_place", "block": "red_moon", "x": 1e9, "y": 0}]]},
    "a text for a number": {"steps": [[{"relation": "at_place", "block": "red_moon", "x": "here", "y": 0}]]},
    "a huge list": {"steps": in_left(of=["red"] * 10_000)},
    "many relations": {"steps": [in_left(of=["red"])[0] * 17]},
    "many over steps": {"steps": [in_left(of=["red"])[0] * 6] * 3},
    "many steps": {"steps": in_left(of=["red"]) * 5},
    "an exception that nobody reads": {"steps": [[{**in_left(of=["all"])[0][0], "except": "red_moon"}]]},
    "rules": {"steps": in_left(of=["all"]), "rules": []},
    "a path": {"steps": [[{"relation": "in_area", "blocks": {"of": ["../../etc/passwd"]}, "area": "left"}]]},
    "no area": {"steps": [[{"relation": "in_area", "blocks": {"of": ["all"]}, "area": "moon"}]]},
    "a count of none": {"steps": in_left(of=["all"], count=0)},
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_no_program_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Written.model_validate(UNFIT[name])


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        (in_left(of=["red_star"]), "expected blocks on the table, got red star"),
        (in_left(of=["all"], but=["all"]), "none is left"),
        (in_left(of=["star"], count=3), "expected up to 2 blocks"),
        ([[{"relation": "at_place", "block": "red_moon", "x": 70, "y": 0}]], "expected a place on the board"),
        ([[{"relation": "at_place", "block": "yellow", "x": 30, "y": 0}]], "expected one block, got yellow"),
        ([[{"relation": "not_moved", "blocks": {"of": ["all"]}}]], "expected something to do"),
        ([[{"relation": "swapped", "pair": ["red_moon", "red_moon"]}]], "two different blocks"),
        ([[{"relation": "row", "order": ["red_moon", "red_moon"]}]], "two or more different blocks"),
        ([[{"relation": "corners", "blocks": {"of": ["star"]}, "figure": "square"}]], "4 blocks"),
        ([[{"relation": "circle", "blocks": {"of": ["star"]}}]], "three blocks or more"),
        ([[{"relation": "together", "blocks": {"of": ["red_moon"]}}]], "two blocks or more"),
        (
            [[{"relation": "near", "blocks": {"of": ["star"]}, "others": {"of": ["all"]}}]],
            "different blocks, got the green star and the yellow star on both sides",
        ),
        (
            [[{"relation": "between", "blocks": {"of": ["red"]}, "ends": ["blue_cube", "blue_cube"]}]],
            "different blocks",
        ),
        (
            [[*in_left(of=["red_moon"])[0], {**in_left(of=["red_moon"])[0][0], "area": "right"}]],
            "no way to have both",
        ),
        (
            [[{"relation": "at_place", "block": n, "x": 35, "y": 0} for n in ("red_moon", "blue_cube")]],
            "no way to have both",
        ),
    ],
)
def test_what_can_not_be_on_this_table_is_refused_and_why(steps: list[Any], why: str) -> None:
    with pytest.raises((Unsound, ImpossibleInstruction, UnknownInstruction)) as error:
        goal_of(Written(steps=steps), BOARD)
    assert why in str(error.value) and "\n" not in str(error.value)


def test_the_schema_has_only_what_servers_know() -> None:
    text = json.dumps(Written.model_json_schema())
    assert "anyOf" in text and "oneOf" not in text and "discriminator" not in text and len(text) < 16_000


def test_whatever_is_written_is_a_goal_or_refused() -> None:
    draw = random.Random(0)
    words = ["all", "red", "star", "red_moon", "red_star", "orange", "", "\x1b[2J", 3, None]
    numbers = [0, -5, 35, 60, 1e308, float("nan"), True, "7", [], {}]

    def blocks() -> Any:
        return draw.choice([{"of": draw.choices(words, k=draw.randrange(3))}, "all", None, [], {"of": "all"}])

    tried = goals = 0
    for _ in range(400):
        _, steps = draw.choice(SAME)
        made: Any = json.loads(json.dumps(steps))
        relation = made[0][draw.randrange(len(made[0]))]
        name = draw.choice(sorted(relation))
        relation[name] = draw.choice([blocks(), draw.choice(numbers), draw.choice(words), [blocks()]])
        try:
            goals += goal_of(Written.model_validate({"steps": made}), BOARD).text != ""
        except (ValidationError, Unsound, ImpossibleInstruction, UnknownInstruction) as error:
            tried += 1
            assert str(error)
    assert tried > 200 and goals >= 3
