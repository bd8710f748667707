"""Subgoal check: one push in words that are understood, of blocks on the table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.domain import Language, UnsoundSubgoal
from tasks.tabletop.language import UnknownInstruction, canonical, parse
from tasks.tabletop.language.instruction import AREAS, GROUP, LINES, Instruction
from tasks.tabletop.world.board import ABSOLUTE_LOCATIONS, DIRECTIONS, KINDS, words_of

SYSTEM: Final = """\
You guide a robot that pushes wooden blocks over a table with one round point. You see the table from above: \
the top of a picture is the far side, its left is left. The point itself is the dark disc. The robot does \
one push of one block at a time, in 3 to 6 seconds; it can't lift, and a block at the very edge can't be \
brought back. A control step takes 0.1 seconds."""

FORMS: Final = """\
- push the red star next to the blue cube
- push the red star to the left of the blue cube (also: right, top, bottom, top left side, ...)
- push the red star to the top left corner (also: top side, center, bottom right corner, ...)
- slightly push the red star up (also: down, left, right, diagonally up and left, ...), or without "slightly"
- move the red star away from the blue cube and red moon
- push the red star into the top half (also: the bottom left area, ...)
- push the red star onto the vertical middle line (also: horizontal)
- push the red star out of the center
- push the red star to the spot x 35 y -10 (centimetres: x down, 12 to 58; y from left, -30 to 30)"""


def sound(text: str, kinds: Sequence[str]) -> str:
    """The canonical form of a subgoal about blocks that are there, of `kinds`.

    Raises UnsoundSubgoal for words that are not understood, blocks that are not on the table, and one block
    that is to go to itself.
    """
    try:
        instruction = parse(text, kinds)
    except UnknownInstruction as error:
        raise UnsoundSubgoal(str(error)) from error
    named = instruction.blocks()
    if not set(named) <= set(kinds):
        raise UnsoundSubgoal(f"expected blocks on the table, got {', '.join(map(words_of, named))}")
    if instruction.fields.get("avoid_blocks", ()) != GROUP and len(set(named)) < len(named):
        raise UnsoundSubgoal("it names one block twice")
    return canonical(instruction)


@lru_cache(maxsize=64)
def every_subgoal(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Every push of one of the blocks `kinds`, in its canonical form; away from others by one and by two,
    and from the group."""
    found: list[Instruction] = []
    for block in kinds:
        others = [kind for kind in kinds if kind != block]
        found += [_of("block2block", start_block=block, target_block=other) for other in others]
        found += [_of("block2absolutelocation", block=block, location=place) for place in ABSOLUTE_LOCATIONS]
        for direction in DIRECTIONS:
            for mode in ("near", "far"):
                found.append(
                    _of("block2relativelocation", block=block, direction=direction, distance_mode=mode)
                )
            for other in others:
                found.append(
                    _of("block2block_relative_location", block=block, target_block=other, direction=direction)
                )
        for avoid in [*((other,) for other in others), *combinations(others, 2), GROUP]:
            found.append(_of("separate_blocks", block=block, avoid_blocks=avoid))
        found += [_of("block2area", block=block, area=area) for area in AREAS]
        found += [_of("block2line", block=block, line=line) for line in LINES]
        found.append(_of("block_off_center", block=block))
    return tuple(dict.fromkeys(map(canonical, found)))


def _of(family: str, **fields: str | tuple[str, ...]) -> Instruction:
    return Instruction(family, fields)


def mentioned(words: str) -> tuple[str, ...]:
    """Names of the blocks that words speak of."""
    return tuple(kind for kind in KINDS if words_of(kind) in words)


def _blind(frames: NDArray[np.uint8]) -> list[tuple[str, ...]]:
    return [KINDS] * len(frames)


BOARD: Final = Language(
    system=SYSTEM, forms=FORMS, act="push", acts="pushes", steps=45, scene="table",
    things="blocks", state="a board", sees=_blind, sound=sound, every=every_subgoal, mentioned=mentioned,
)  # fmt: skip
"""Of the tabletop; `seen_by` gives it eyes."""
