"""The board's symmetries, as ways to make more data: swap left and right, rename colours."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.language.instruction import Instruction
from tasks.tabletop.seeing.slots import PUSHER, SLOTS
from tasks.tabletop.world.board import COLORS, KINDS, SHAPES, color_of, shape_of

_SIDES = {"left": "right", "right": "left"}


def mirror_text(text: str) -> str:
    """Swap left and right in words or field values."""
    return re.sub("left|right", lambda match: _SIDES[match.group()], text)


def mirror_slots(slots: NDArray[np.float32]) -> NDArray[np.float32]:
    """Slots [..., 5] seen in a mirror: y and sin change sign."""
    return slots * np.array([1, 1, -1, 1, -1], np.float32)


class Renaming:
    """Colours permuted: red_moon becomes blue_moon and so on.

    Args:
        colors: int [4], the number in COLORS that each colour becomes.
    """

    def __init__(self, colors: NDArray[np.int64]) -> None:
        self._colors = [COLORS[int(i)] for i in colors]
        names = [self._color(color_of(kind)) + "_" + shape_of(kind) for kind in KINDS]
        self._kind = dict(zip(KINDS, names, strict=True))
        self.order = np.arange(SLOTS)
        for old, new in self._kind.items():
            self.order[KINDS.index(new)] = KINDS.index(old)
        assert self.order[PUSHER] == PUSHER and len(SHAPES) * len(COLORS) == PUSHER

    def _color(self, color: str) -> str:
        return self._colors[COLORS.index(color)]

    def slots(self, slots: NDArray[np.float32]) -> NDArray[np.float32]:
        """Slots [..., 17, 5] under the new names."""
        return slots[..., self.order, :]

    def value(self, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        """A field's value under the new names."""
        if isinstance(value, tuple):
            return tuple(self._kind.get(name, name) for name in value)
        return self._kind.get(value, value)

    def instruction(self, instruction: Instruction) -> Instruction:
        """An instruction under the new names."""
        return Instruction(instruction.family, {k: self.value(v) for k, v in instruction.fields.items()})


def mirror_instruction(instruction: Instruction) -> Instruction:
    """An instruction with left and right swapped.

    Raises ValueError for block1_to_corner, which knows one corner only.
    """
    if instruction.family == "block1_to_corner":
        raise ValueError(
            "expected a family with a mirror image, got block1_to_corner; use block2absolutelocation"
        )
    fields = {k: mirror_text(v) if isinstance(v, str) else v for k, v in instruction.fields.items()}
    return Instruction(instruction.family, fields)
