"""Block names: which names a block has on a table, and which block a name means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tasks.tabletop.world.board import COLORS, KINDS, SHAPES, color_of, shape_of, words_of

MENTION: Final = re.compile(
    rf"\b(?:(?:{'|'.join(COLORS)}) (?:{'|'.join(SHAPES)}|block)|(?:{'|'.join(SHAPES)}))\b"
)
"""A block's name within a sentence: "red moon", "red block" or "moon"."""

SLOT: Final = "*"
"""Stands for a block's name in a form."""


def names_of(kind: str, blocks_on_table: Sequence[str] | None) -> tuple[str, ...]:
    """The names of a block, plain one first: its colour or shape alone when that is unique on the table."""
    names = [words_of(kind)]
    table = blocks_on_table or ()
    if sum(color_of(other) == color_of(kind) for other in table) == 1:
        names.append(f"{color_of(kind)} block")
    if sum(shape_of(other) == shape_of(kind) for other in table) == 1:
        names.append(shape_of(kind))
    return tuple(names)


def meant_by(name: str, blocks_on_table: Sequence[str] | None) -> tuple[str, ...]:
    """Every block of the table (all 16 when None) that "red moon", "red block" or "moon" can mean."""
    words = [word for word in name.split() if word != "block"]
    table = KINDS if blocks_on_table is None else blocks_on_table
    return tuple(kind for kind in table if all(word in kind.split("_") for word in words))


def split_mentions(text: str) -> tuple[str, tuple[str, ...]]:
    """The sentence with each block's name replaced by a slot, and the names in order."""
    return MENTION.sub(SLOT, text), tuple(MENTION.findall(text))
