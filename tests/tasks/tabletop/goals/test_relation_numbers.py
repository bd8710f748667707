"""Relations as numbers: nothing that matters is lost, and a mirror's are those of the board in a mirror."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tasks.tabletop.demos.drawn_programs import draw_relation
from tasks.tabletop.goals.area import SortToCorners
from tasks.tabletop.goals.relation_numbers import KIND_NAMES, ONE_WAY, ROLES, asked, mirrored
from tasks.tabletop.goals.relations import (
    AtPlace,
    Circle,
    InArea,
    Line,
    Long,
    NotMoved,
    Row,
    Side,
    SomeOf,
    Swapped,
)
from tasks.tabletop.seeing.slots import CENTER, SCALE
from tasks.tabletop.world.board import KINDS
from tasks.tabletop.world.layout import random_layout

LAYOUT, _ = random_layout(np.random.default_rng(3))
BOARD = {name: np.array(pose[:2]) for name, pose in LAYOUT.items()}


def numbers(*relations: Any) -> tuple[Any, ...]:
    given = asked(relations)
    return given.kind.tolist(), given.words.tolist(), given.measures.tolist(), given.roles.tolist()


def test_every_kind_that_is_drawn_has_numbers_of_its_own() -> None:
    rng, kinds = np.random.default_rng(0), set()
    for _ in range(400):
        relation = draw_relation(rng, BOARD)
        given = asked([relation])
        kinds.add(KIND_NAMES[int(given.kind[0])])
        told = {KINDS[k] for k in np.flatnonzero(given.roles[0, :, ROLES - 1])}
        assert told == set(relation.names)
    assert kinds == set(KIND_NAMES)


DIFFERENT = [
    InArea(("red_moon",), "left"), InArea(("red_moon",), "right"), InArea(("blue_cube",), "left"),
    InArea(("blue_cube", "red_moon"), "left"), Side(("red_moon",), "left", ("blue_cube",)),
    Side(("blue_cube",), "left", ("red_moon",)), Row(("red_moon", "blue_cube")),
    Row(("blue_cube", "red_moon")),
    Row(("blue_cube", "red_moon"), "top_to_bottom"), Line(("blue_cube", "red_moon"), "horizontal", "top"),
    Line(("blue_cube", "red_moon"), "horizontal", "middle"), AtPlace("red_moon", 0.3, 0.1),
    AtPlace("red_moon", 0.3, 0.12), AtPlace("red_moon", 0.3, 0.1, 0.05),
    Circle(("red_moon", "blue_cube", "green_star")),
    Circle(("red_moon", "blue_cube", "green_star"), "blue_moon"),
    Circle(("red_moon", "blue_cube", "green_star"), "", 0.2), NotMoved(("red_moon",), ((0.3, 0.1),)),
    Swapped(("red_moon", "blue_cube"), ((0.3, 0.1), (0.4, 0.1))),
    Swapped(("red_moon", "blue_cube"), ((0.3, 0.1), (0.4, 0.2))),
    SomeOf((InArea(("red_moon",), "left"), InArea(("blue_cube",), "left"))),
]  # fmt: skip


def test_what_differs_differs_in_numbers() -> None:
    rows = [numbers(relation) for relation in DIFFERENT]
    for k, row in enumerate(rows):
        assert row not in rows[:k], DIFFERENT[k]


def test_of_two_that_are_swapped_each_is_wanted_where_the_other_stood() -> None:
    roles = asked([Swapped(("red_moon", "blue_cube"), ((0.3, 0.1), (0.4, 0.2)))]).roles[0]
    moon = roles[KINDS.index("red_moon"), 4:6] * SCALE + CENTER
    assert np.allclose(moon, (0.4, 0.2), atol=1e-6)


def test_a_mirror_twice_is_none() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        given = asked([draw_relation(rng, BOARD) for _ in range(3)])
        again = mirrored(mirrored(given))
        for name in ("kind", "words", "measures", "roles"):
            np.testing.assert_allclose(getattr(again, name), getattr(given, name), atol=1e-6)


@pytest.mark.parametrize(
    ("relation", "other"),
    [
        (InArea(("red_moon",), "top_left"), InArea(("red_moon",), "top_right")),
        (Side(("red_moon",), "left", ("blue_cube",)), Side(("red_moon",), "right", ("blue_cube",))),
        (Row(("red_moon", "blue_cube", "green_star")), Row(("green_star", "blue_cube", "red_moon"))),
        (Row(("red_moon", "blue_cube"), "top_to_bottom"), Row(("red_moon", "blue_cube"), "top_to_bottom")),
        (AtPlace("red_moon", 0.3, 0.1), AtPlace("red_moon", 0.3, -0.1)),
        (
            Line(("red_moon", "blue_cube"), "vertical", "left"),
            Line(("red_moon", "blue_cube"), "vertical", "right"),
        ),
    ],
)
def test_a_mirror_swaps_left_and_right(relation: Any, other: Any) -> None:
    """And on a board in a mirror the one holds where the other did."""
    for name in ("kind", "words", "measures", "roles"):
        np.testing.assert_allclose(getattr(mirrored(asked([relation])), name), getattr(asked([other]), name))
    rng = np.random.default_rng(2)
    for _ in range(200):
        board = {name: np.array([rng.uniform(0.2, 0.5), rng.uniform(-0.25, 0.25)]) for name in BOARD}
        flipped = {name: xy * [1, -1] for name, xy in board.items()}
        assert relation.reward(board) == pytest.approx(other.reward(flipped))


def test_what_has_no_mirror_image_is_told() -> None:
    assert (asked([Long(SortToCorners(), tuple(BOARD))]).words == ONE_WAY).any()


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a relation among"):
        asked([LAYOUT])  # type: ignore[list-item]
