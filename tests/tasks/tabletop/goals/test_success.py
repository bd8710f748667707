"""The verdicts of one push: every reference row, strictness near thresholds, our own families, errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import dist
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.tabletop.goals.push import fixed_fields, in_area, succeeded
from tasks.tabletop.language import parse_all
from tasks.tabletop.language.instruction import FIELDS, GROUP, Instruction

ROOT = Path(__file__).parents[4]
FOLDERS = [
    folder
    for folder in (ROOT / "tests" / "data" / "reference", ROOT.parent / "shared" / "reference")
    if folder.is_dir()
]
REFERENCE_FAMILIES = tuple(FIELDS)[:7]
CENTER = (0.35, 0.0)
FAR = (0.0, 0.0)


def rows(family: str) -> Iterator[dict[str, Any]]:
    for folder in FOLDERS:
        with (folder / f"{family}.jsonl").open() as lines:
            yield from map(json.loads, lines)


@pytest.mark.parametrize("family", REFERENCE_FAMILIES)
def test_agrees_with_every_reference_row(family: str) -> None:
    wrong = [
        row["id"]
        for row in rows(family)
        if succeeded(family, row["task"], row["blocks"], row["effector_target_xy"]) is not row["success"]
    ]
    assert wrong == []


@pytest.mark.parametrize("family", REFERENCE_FAMILIES)
def test_instruction_and_reset_give_the_reference_task(family: str) -> None:
    for row in rows(family):
        task, start = row["task"], dict(row["blocks"])
        for block, initial in (("block", "block_initial_xy"), ("target_block", "target_block_initial_xy")):
            if initial in task:
                start[task[block]] = task[initial]
        instruction = Instruction.of_task(family, task)
        readings = parse_all(row["instruction"], row["blocks_on_table"])
        assert instruction in readings or readings[0].fields.get("avoid_blocks") == GROUP
        fixed = fixed_fields(instruction, start)
        assert fixed.keys() == task.keys()
        for field, value in task.items():
            assert fixed[field] == (pytest.approx(value, abs=2e-5) if field.endswith("_xy") else value)


NEAR = [
    ("block2block", {"start_block": "a", "target_block": "b"}, (0.0, 0.05)),
    ("block2absolutelocation", {"block": "a", "target_xy": [0, 0], "threshold": 0.115}, (0.115, 0.0)),
    ("block2relativelocation", {"block": "a", "target_xy": [0, 0]}, (0.0, 0.10)),
    ("block1_to_corner", {"block": "a", "target_xy": [0, 0], "threshold": 0.08}, (0.08, 0.0)),
    ("point2block", {"block": "a"}, (0.05, 0.0)),
]


@pytest.mark.parametrize(("family", "task", "edge"), NEAR)
def test_a_distance_at_the_threshold_fails(
    family: str, task: dict[str, object], edge: tuple[float, float]
) -> None:
    def verdict(scale: float) -> bool:
        block = (edge[0] * scale, edge[1] * scale)
        return succeeded(family, task, {"a": block, "b": FAR}, FAR)

    assert verdict(1 - 1e-9)
    assert not verdict(1.0)
    assert not verdict(1 + 1e-9)


@pytest.mark.parametrize(
    ("distance", "expected"),
    [(0.0, False), (0.0749, False), (0.0751, True), (0.1, True), (0.1249, True), (0.1251, False)],
)
def test_separation_is_a_ring_around_the_mean(distance: float, expected: bool) -> None:
    task = {"block": "a", "avoid_blocks": ["b", "c"]}
    blocks = {"a": (0.3 + distance, 0.0), "b": (0.3, 0.1), "c": (0.3, -0.1)}
    assert succeeded("separate_blocks", task, blocks, FAR) is expected


@pytest.mark.parametrize(
    ("block", "target", "direction", "expected"),
    [
        ((0.4, -0.127), (0.4, 0.0), "left", True),  # 0.127 = 1.1 * 0.08 + 0.039
        ((0.4, -0.129), (0.4, 0.0), "left", False),
        ((0.4, 0.06), (0.4, 0.0), "left", False),
        ((0.35, -0.05), (0.4, 0.0), "diagonal_up_left", True),
        ((0.4, -0.15), (0.4, -0.049), "left", True),
        ((0.4, -0.15), (0.4, -0.051), "left", False),
    ],
)
def test_beside_a_block_that_stays(
    block: tuple[float, float], target: tuple[float, float], direction: str, expected: bool
) -> None:
    task = {"block": "a", "target_block": "b", "direction": direction, "target_block_initial_xy": [0.4, 0.0]}
    assert succeeded("block2block_relative_location", task, {"a": block, "b": target}, FAR) is expected


@pytest.mark.parametrize(
    ("area", "xy", "expected"),
    [
        ("top_left", (0.2, -0.1), True),
        ("top_left", (0.2, 0.1), False),
        ("bottom_right", (0.5, 0.1), True),
        ("top", (0.35, 0.0), False),
        ("right", (0.35, 0.001), True),
        ("left", (0.35, -0.31), False),  # off the board
    ],
)
def test_area_is_a_part_of_the_board(area: str, xy: tuple[float, float], expected: bool) -> None:
    assert succeeded("block2area", {"block": "a", "area": area}, {"a": xy}, FAR) is expected
    assert in_area(area, np.array(xy)) is expected


@pytest.mark.parametrize(
    ("line", "a", "b", "expected"),
    [
        ("vertical", (0.3, 0.029), (0.34, 0.0), True),
        ("vertical", (0.3, 0.030001), (0.34, 0.0), False),
        ("vertical", (0.3, 0.0), (0.334, 0.0), False),
        ("vertical", (0.3, 0.0), (0.334, 0.031), True),  # the other block is not on the line
        ("horizontal", (0.375, 0.2), (0.375, 0.236), True),
        ("horizontal", (0.375, 0.2), (0.375, 0.234), False),
    ],
)
def test_line_needs_room(line: str, a: tuple[float, float], b: tuple[float, float], expected: bool) -> None:
    assert succeeded("block2line", {"block": "a", "line": line}, {"a": a, "b": b}, FAR) is expected


def test_off_center_is_further_than_fifteen_centimetres() -> None:
    task = {"block": "a"}
    assert not succeeded("block_off_center", task, {"a": (CENTER[0], 0.15)}, FAR)
    assert succeeded("block_off_center", task, {"a": (CENTER[0], 0.1501)}, FAR)


def test_the_group_is_joined_blocks_or_the_nearest_three() -> None:
    instruction = Instruction("separate_blocks", {"block": "red_moon", "avoid_blocks": GROUP})
    names = ["blue_cube", "green_star", "yellow_star", "green_cube", "blue_moon"]
    blocks = {"red_moon": CENTER} | {name: (0.35, 0.05 + 0.01 * i) for i, name in enumerate(names)}
    assert fixed_fields(instruction, blocks)["avoid_blocks"] == names[:3]
    closer = {name: (0.35, xy[1] / 2) for name, xy in blocks.items()}
    assert fixed_fields(instruction, closer)["avoid_blocks"] == names
    assert dist(closer["red_moon"], closer["blue_moon"]) < 0.08
    with pytest.raises(ValueError, match="expected other blocks"):
        fixed_fields(instruction, {"red_moon": CENTER})


@pytest.mark.parametrize(
    ("family", "task", "names"),
    [
        ("juggle", {}, "expected a family"),
        ("block2block", {"start_block": "a"}, "target_block"),
        ("block2block", {"start_block": "a", "target_block": "z"}, "block z"),
        ("block2absolutelocation", {"block": "a", "target_xy": [0.1, 0.2]}, "threshold"),
        ("block2absolutelocation", {"block": "a", "target_xy": [0.1], "threshold": 0.1}, "target_xy"),
        ("block2absolutelocation", {"block": "a", "target_xy": [0.1, 0.2], "threshold": "x"}, "number"),
        ("separate_blocks", {"block": "a", "avoid_blocks": []}, "avoid_blocks"),
        ("block2area", {"block": "a", "area": "moon"}, "area"),
        ("block2line", {"block": "a", "line": "wavy"}, "line"),
        ("block2block_relative_location", {"block": "a", "target_block": "b", "direction": "in"}, "left or"),
    ],
)
def test_errors_are_one_clear_line(family: str, task: dict[str, object], names: str) -> None:
    with pytest.raises(ValueError, match=names) as error:
        succeeded(family, task, {"a": (0.3, 0.0), "b": (0.4, 0.0)}, FAR)
    assert "\n" not in str(error.value) and "expected" in str(error.value)


def test_a_block_is_not_separated_from_itself() -> None:
    instruction = Instruction("separate_blocks", {"block": "red_moon", "avoid_blocks": ("red_moon",)})
    with pytest.raises(ValueError, match="other blocks"):
        fixed_fields(instruction, {"red_moon": CENTER})


def test_a_missing_block_is_named_at_reset() -> None:
    with pytest.raises(ValueError, match="red_moon"):
        fixed_fields(Instruction("point2block", {"block": "red_moon"}), {"blue_cube": CENTER})
