"""Symmetries: a mirrored or renamed board gets the mirrored or renamed words and the same verdict."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from tasks.tabletop.demos.symmetry import Renaming, mirror_instruction, mirror_slots, mirror_text
from tasks.tabletop.goals import BY_INSTRUCTION
from tasks.tabletop.goals.families import FAMILIES, draw
from tasks.tabletop.goals.push import Blocks, fixed_fields, succeeded
from tasks.tabletop.language import canonical, instructions, parse_all
from tasks.tabletop.language.instruction import Instruction
from tasks.tabletop.seeing.slots import PUSHER, from_poses, places, pose_array
from tasks.tabletop.world.board import COLORS, KINDS
from tasks.tabletop.world.layout import random_layout

MIRRORED = [family for family in FAMILIES if family != "block1_to_corner"]


def random_points(rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    return {name: (pose[0], pose[1]) for name, pose in random_layout(rng)[0].items()}


def mirrored(blocks: Blocks) -> dict[str, tuple[float, float]]:
    return {name: (float(xy[0]), -float(xy[1])) for name, xy in blocks.items()}


def verdicts(instruction: Instruction, start: Blocks, end: Blocks, target: tuple[float, float]) -> bool:
    return succeeded(instruction.family, fixed_fields(instruction, start), end, target)


def near_success(rng: np.random.Generator, instruction: Instruction, blocks: Blocks) -> Blocks:
    """The blocks with the named ones moved about, so that some verdicts are yes."""
    moved = {name: (float(xy[0]), float(xy[1])) for name, xy in blocks.items()}
    first, *others = instruction.blocks()
    near = moved[others[0]] if others else (0.35, 0.0)
    shift = rng.normal(0, 0.08, 2)
    moved[first] = (near[0] + float(shift[0]), near[1] + float(shift[1]))
    return moved


@pytest.mark.parametrize("family", MIRRORED)
def test_a_mirrored_state_has_the_mirrored_verdict(family: str) -> None:
    rng, seen = np.random.default_rng(0), set()
    for _ in range(150):
        start = random_points(rng)
        instruction = draw(family, rng, {name: np.array(xy) for name, xy in start.items()})
        end = near_success(rng, instruction, start)
        target = (float(rng.uniform(0.15, 0.6)), float(rng.uniform(-0.3, 0.3)))
        if family == "point2block" and rng.random() < 0.5:
            target = (end[instruction.blocks()[0]][0] + 0.02, end[instruction.blocks()[0]][1])
        verdict = verdicts(instruction, start, end, target)
        other = mirror_instruction(instruction)
        assert verdicts(other, mirrored(start), mirrored(end), (target[0], -target[1])) == verdict
        seen.add(verdict)
    assert seen == {True, False}


@pytest.mark.parametrize("family", MIRRORED)
def test_mirrored_words_mean_the_mirrored_instruction(family: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(10):
        blocks = {name: np.array(xy) for name, xy in random_points(rng).items()}
        instruction = draw(family, rng, blocks)
        other = mirror_instruction(instruction)
        assert mirror_instruction(other) == instruction
        assert canonical(other) == mirror_text(canonical(instruction))
        for text in islice(instructions(instruction, None), 0, None, 7):
            assert other in parse_all(mirror_text(text))


def test_the_one_corner_has_no_mirror_image() -> None:
    with pytest.raises(ValueError, match="expected a family with a mirror image"):
        mirror_instruction(Instruction("block1_to_corner", {"block": "red_moon", "location": "bottom_left"}))


@pytest.mark.parametrize("text", BY_INSTRUCTION)
def test_long_tasks_are_mirrored_too(text: str) -> None:
    task = BY_INSTRUCTION[text]
    if text == "sort the blocks by color into the corners":
        return  # its colours have fixed corners
    rng = np.random.default_rng(2)
    for _ in range(50):
        blocks = {name: np.array(xy) for name, xy in random_points(rng).items()}
        image = {name: np.array(xy) for name, xy in mirrored(blocks).items()}
        assert BY_INSTRUCTION[mirror_text(text)].reward(image) == task.reward(blocks)


def test_mirrored_slots_are_the_mirrored_boards() -> None:
    blocks, effector = random_layout(np.random.default_rng(3))
    slots = from_poses(pose_array(blocks), np.array(effector, np.float32))
    image = {name: (x, -y, -yaw) for name, (x, y, yaw) in blocks.items()}
    expected = from_poses(pose_array(image), np.array((effector[0], -effector[1]), np.float32))
    np.testing.assert_allclose(mirror_slots(slots), expected, atol=1e-6)
    np.testing.assert_array_equal(mirror_slots(mirror_slots(slots)), slots)


@pytest.mark.parametrize("family", FAMILIES)
def test_renamed_boards_have_the_renamed_verdict(family: str) -> None:
    rng = np.random.default_rng(4)
    for _ in range(30):
        renaming = Renaming(rng.permutation(len(COLORS)))
        start = random_points(rng)
        instruction = draw(family, rng, {name: np.array(xy) for name, xy in start.items()})
        other = renaming.instruction(instruction)
        assert other in parse_all(canonical(other))
        end = near_success(rng, instruction, start)
        new_start = {str(renaming.value(name)): xy for name, xy in start.items()}
        new_end = {str(renaming.value(name)): xy for name, xy in end.items()}
        target = (0.3, 0.1)
        assert verdicts(other, new_start, new_end, target) == verdicts(instruction, start, end, target)


def test_renamed_slots_hold_the_renamed_blocks() -> None:
    blocks, effector = random_layout(np.random.default_rng(5))
    slots = from_poses(pose_array(blocks), np.array(effector, np.float32))
    renaming = Renaming(np.array([2, 0, 1, 3]))
    assert renaming.value("red_moon") == "green_moon" and renaming.value("left") == "left"
    renamed = renaming.slots(slots)
    for name in blocks:
        new = KINDS.index(str(renaming.value(name)))
        np.testing.assert_array_equal(renamed[new], slots[KINDS.index(name)])
    np.testing.assert_array_equal(places(renamed)[PUSHER], places(slots)[PUSHER])
    assert renamed[:, 0].sum() == slots[:, 0].sum()
