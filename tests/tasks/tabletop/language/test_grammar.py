"""The grammar: every reference string parses and is generated; round trips; bad input."""

from __future__ import annotations

import copy
import json
import pickle
import time
from collections.abc import Sequence
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from tasks.tabletop.language import (
    WORDS,
    UnknownInstruction,
    canonical,
    instructions,
    is_worded,
    parse,
    parse_all,
    phrase,
    tokenize,
)
from tasks.tabletop.language.instruction import AREAS, FIELDS, GROUP, LINES, Instruction
from tasks.tabletop.language.names import meant_by, split_mentions
from tasks.tabletop.world.board import ABSOLUTE_LOCATIONS, BLOCK_4, BLOCK_8, DIRECTIONS, KINDS

ROOT = Path(__file__).parents[4]
FOLDERS = (ROOT / "tests" / "data" / "reference", ROOT.parent / "shared" / "reference")
FILES = [file for folder in FOLDERS if (file := folder / "instructions.jsonl").exists()]
TABLES = {"BLOCK_4": BLOCK_4, "BLOCK_8": BLOCK_8}
WORDED = tuple(family for family in FIELDS if family != "block2spot")
"""Families of which every instruction can be listed."""
LONG = (
    *(f"move all blocks to the {place} corner" for place in ("top left", "bottom right")),
    *(f"move all blocks to the {side} side" for side in ("left", "right", "top", "bottom")),
    *(f"group the blocks by {what}" for what in ("color", "shape")),
    *(f"make a {line} line in the middle of the board" for line in LINES),
    "sort the blocks by color into the corners",
    "clear the center",
)


@cache
def samples() -> tuple[tuple[str, str, str], ...]:
    """Distinct (family, block mode, text) of every bundled or shared sample."""
    rows = [json.loads(line) for file in FILES for line in file.read_text(encoding="utf-8").splitlines()]
    return tuple(sorted({(row["family"], row["block_mode"], row["instruction"]) for row in rows}))


def random_table(text: str) -> Sequence[str] | None:
    """A table on which every name of the text is unique: the sample does not tell the real one."""
    names = split_mentions(text)[1]
    for table in product(*(meant_by(name, KINDS) for name in names)):
        kinds = sorted(set(table))
        if len(kinds) == len(set(names)) and all(len(meant_by(name, kinds)) == 1 for name in names):
            return kinds
    return None


@cache
def wordings(instruction: Instruction, table: tuple[str, ...] | None) -> frozenset[str]:
    return frozenset(instructions(instruction, table))


@pytest.mark.parametrize("family", tuple(FIELDS)[:7])
def test_every_reference_string_parses_and_is_generated(family: str) -> None:
    mine = [(mode, text) for kind, mode, text in samples() if kind == family]
    assert mine
    for mode, text in mine:
        table = TABLES.get(mode) or random_table(text)
        assert table is not None, text
        readings = parse_all(text, table)
        reading = next((r for r in readings if r.family == family), None)
        assert reading is not None, text
        assert readings[0].family == family or family == "block1_to_corner", text
        assert text in wordings(reading, tuple(table)), text
        assert set(tokenize(text)) <= set(WORDS)


def test_play_is_refused() -> None:
    for text in (text for family, _, text in samples() if family == "play"):
        with pytest.raises(UnknownInstruction):
            parse(text, BLOCK_8)


def random_instruction(family: str, rng: np.random.Generator, table: Sequence[str]) -> Instruction:
    names = [str(name) for name in rng.permutation(table)]
    choices = {
        "direction": tuple(DIRECTIONS),
        "distance_mode": ("near", "far"),
        "location": ("bottom_left",) if family == "block1_to_corner" else tuple(ABSOLUTE_LOCATIONS),
        "area": AREAS,
        "line": LINES,
    }
    fields: dict[str, str | tuple[str, ...]] = {}
    for field in FIELDS[family]:
        if field == "avoid_blocks":
            count = int(rng.integers(len(names)))
            fields[field] = tuple(names[:count]) or GROUP
        else:
            fields[field] = str(rng.choice(choices[field])) if field in choices else names.pop()
    return Instruction(family, fields)


@pytest.mark.parametrize("family", WORDED)
@pytest.mark.parametrize("table", [BLOCK_4, BLOCK_8, KINDS])
def test_round_trip(family: str, table: tuple[str, ...]) -> None:
    rng = np.random.default_rng(7)
    for _ in range(200):
        instruction = random_instruction(family, rng, table)
        for text in (phrase(instruction, table, rng), canonical(instruction)):
            assert instruction in parse_all(text, table)
            assert parse(text, table) == instruction or family == "block1_to_corner"
        assert instruction in parse_all(canonical(instruction))


@pytest.mark.parametrize("family", WORDED)
def test_wordings_are_distinct_and_in_a_fixed_order(family: str) -> None:
    instruction = random_instruction(family, np.random.default_rng(3), BLOCK_4)
    texts = list(instructions(instruction, BLOCK_4))
    assert len(set(texts)) == len(texts)
    assert texts == list(instructions(instruction, BLOCK_4))
    assert texts[0] == canonical(instruction)
    assert len(list(instructions(instruction, None))) <= len(texts)


def test_phrase_is_seeded() -> None:
    instruction = parse("push the red moon left")
    drawn = [[phrase(instruction, BLOCK_4, np.random.default_rng(seed)) for seed in range(20)] for _ in "ab"]
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) > 5


@pytest.mark.parametrize(
    ("text", "family", "fields"),
    [
        ("Push the red moon LEFT.", "block2relativelocation", ("red_moon", "left", "far")),
        ("slightly slide the moon up and then right", "block2relativelocation", ("diagonal_up_right",)),
        ("push  the red star to the left of the blue cube", "block2block_relative_location", ("left",)),
        ("move the moon to the towards your base", "block2absolutelocation", ("red_moon", "top")),
        ("point at the yellow block", "point2block", ("yellow_pentagon",)),
        ("pull the moon apart from the clump", "separate_blocks", (GROUP,)),
        ("separate the moon from the cube, green star, and yellow block", "separate_blocks", ("red_moon",)),
        ("push the red moon into the top left area", "block2area", ("top_left",)),
        ("slide the red moon into the left half", "block2area", ("left",)),
        ("move the red moon onto the vertical middle line", "block2line", ("vertical",)),
        ("push the red moon out of the center", "block_off_center", ("red_moon",)),
    ],
)
def test_known_sentences(text: str, family: str, fields: tuple[str | tuple[str, ...], ...]) -> None:
    table = None if "red star" in text else BLOCK_4
    instruction = parse(text, table)
    assert instruction.family == family
    assert set(fields) <= set(instruction.fields.values())


def test_bottom_left_has_both_readings() -> None:
    families = [reading.family for reading in parse_all("push the red moon to the bottom left")]
    assert families == ["block2absolutelocation", "block1_to_corner"]


BAD = ["", "   ", "\n", "x" * 100_000, "push " * 70, "🙂🌙", "\x00", "push the red moon \x00", "\ud800", "*",
       "push the * left", "push the  left", "push the red moon to the red moon", "move the block left",
       "separate the red moon from the blue cube and blue cube", "move all blocks to the left side",
       "İ" * 300, "push the red moon\u2028left of", "push the red moonleft"]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_bad_text_is_one_clear_line(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(UnknownInstruction) as error:
        parse(text, BLOCK_8)
    message = str(error.value)
    assert time.perf_counter() - start < 2.0
    assert message.isprintable() and len(message) < 900
    assert "expected" in message and "got" in message
    message.encode()


@pytest.mark.parametrize(
    ("text", "table", "says"),
    [
        ("push the moon left", BLOCK_8, "red moon, blue moon"),
        ("push the red block left", None, "red moon, red cube"),
        ("push the red cube left", BLOCK_4, "table holds red moon"),
        ("push the red moon lefft", BLOCK_4, '"push the red moon left"'),
        ("push the blue cube near the red moon", BLOCK_4, '"push the blue cube to the red moon"'),
        ("move the moon away of the green star", BLOCK_4, '"move the moon away from the green star"'),
    ],
)
def test_errors_say_what_to_do(text: str, table: Sequence[str] | None, says: str) -> None:
    with pytest.raises(UnknownInstruction, match="expected") as error:
        parse(text, table)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("family", "fields"),
    [
        ("juggle", {}),
        ("point2block", {}),
        ("point2block", {"block": "pink_moon"}),
        ("point2block", {"block": "group"}),
        ("point2block", {"block": "red_moon", "area": "top"}),
        ("block2line", {"block": "red_moon", "line": "wavy"}),
        ("separate_blocks", {"block": "red_moon", "avoid_blocks": ()}),
        ("separate_blocks", {"block": "red_moon", "avoid_blocks": "blue_cube"}),
        ("block1_to_corner", {"block": "red_moon", "location": "top"}),
    ],
)
def test_instruction_checks_its_fields(family: str, fields: dict[str, str | tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Instruction(family, fields)


def test_instruction_is_a_value() -> None:
    one = Instruction.of_task("separate_blocks", {"block": "red_moon", "avoid_blocks": ["blue_cube"], "x": 1})
    other = parse("pull the red moon apart from the blue cube")
    assert one == other and hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one


def test_words_cover_the_long_tasks() -> None:
    assert list(WORDS) == sorted(set(WORDS))
    for text in LONG:
        assert set(tokenize(text)) <= set(WORDS)
    assert tokenize("Push the cube, and.") == ["push", "the", "cube", ",", "and", "."]


@pytest.mark.parametrize("family", WORDED)
def test_what_parses_is_worded(family: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(4):
        assert all(is_worded(text) for text in wordings(random_instruction(family, rng, BLOCK_8), BLOCK_8))


@pytest.mark.parametrize(
    "text", ["push", "", "push the * to the center", "x" * 500, "push the red moon red moon"]
)
def test_what_is_not_worded_does_not_parse(text: str) -> None:
    assert not is_worded(text)
    with pytest.raises(UnknownInstruction):
        parse(text, BLOCK_8)


def test_a_wording_of_what_is_not_there_is_one() -> None:
    assert is_worded("push the red moon next to the red moon") and is_worded(
        "slide the moon to the spot x 1 y 2"
    )
