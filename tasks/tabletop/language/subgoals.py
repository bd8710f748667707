"""Subgoal check: one push in words that are understood, of blocks on the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.language import UnknownInstruction, canonical, parse
from tasks.tabletop.language.instruction import AREAS, GROUP, LINES, Instruction
from tasks.tabletop.world.board import ABSOLUTE_LOCATIONS, DIRECTIONS, words_of

Sees = Callable[[NDArray[np.uint8]], Sequence[Sequence[str]]]
"""Frames uint8 [N, H, W, 3] to the names of the blocks that are seen in each."""


class UnsoundSubgoal(ValueError):
    """A subgoal that can't be carried out; says why."""


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
