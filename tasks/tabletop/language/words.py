"""The vocabulary: every word of the grammar and of the long tasks' instructions."""

from __future__ import annotations

from typing import Final

from tasks.tabletop.language.forms import FORMS
from tasks.tabletop.language.names import SLOT
from tasks.tabletop.world.board import COLORS, SHAPES

_LONG: Final = (
    "move all blocks to the top left corner, bottom right corner.",
    "move all blocks to the left side, right side, top side, bottom side.",
    "group the blocks by color, group the blocks by shape, sort the blocks by color into the corners.",
    "make a vertical line in the middle of the board, make a horizontal line in the middle of the board.",
    "clear the center, make a circle, swap the blocks, put a block between the blocks.",
)


def tokenize(text: str) -> list[str]:
    """The lower-case words of a text, with commas and periods as words of their own."""
    return text.lower().replace(",", " , ").replace(".", " . ").split()


def _vocabulary() -> tuple[str, ...]:
    """The sorted distinct words."""
    texts = [*(form.text.replace(SLOT, "block") for form in FORMS), *_LONG, *COLORS, *SHAPES]
    return tuple(sorted({word for text in texts for word in tokenize(text)}))


WORDS: Final = _vocabulary()
"""Sorted; `tokenize` of any instruction of the grammar or of a long task gives only these."""
