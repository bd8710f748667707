"""Regions of the board: move_to_area, sort_to_corners, clear_the_center."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tasks.tabletop.goals.base import Blocks, LongTask, Subgoal, share
from tasks.tabletop.goals.families import spots
from tasks.tabletop.goals.push import OFF_CENTER, in_area
from tasks.tabletop.language.instruction import AREAS, Instruction
from tasks.tabletop.world import board

CORNER_OF = {"red": "top_left", "blue": "top_right", "green": "bottom_left", "yellow": "bottom_right"}


def area_words(area: str) -> str:
    """ "top_left" -> "top left corner", "left" -> "left side"."""
    return area.replace("_", " ") + (" corner" if "_" in area else " side")


def _into(instruction: Instruction, blocks: Blocks) -> list[Subgoal]:
    """A subgoal a free spot, the nearest few."""
    name = str(instruction.fields["block"])
    free = spots(instruction, blocks)[:3]
    return [Subgoal(instruction, spot, float(np.linalg.norm(spot - blocks[name]))) for spot in free]


@dataclass(frozen=True)
class MoveToArea:
    """Reward: the share of blocks whose centre lies in the area: a corner is a quarter, a side a half."""

    area: str
    most: ClassVar[int] = len(board.KINDS)

    @property
    def instruction(self) -> str:
        return f"move all blocks to the {area_words(self.area)}"

    def reward(self, blocks: Blocks, names: Collection[str] = ()) -> float:
        return share({*blocks} - {*self._outside(blocks)}, blocks, names)

    def _outside(self, blocks: Blocks) -> list[str]:
        return [name for name, xy in blocks.items() if not in_area(self.area, xy)]

    def subgoals(self, blocks: Blocks) -> list[Subgoal]:
        outside = self._outside(blocks)
        pushes = [Instruction("block2area", {"block": name, "area": self.area}) for name in outside]
        return [subgoal for push in pushes for subgoal in _into(push, blocks)]


@dataclass(frozen=True)
class SortToCorners:
    """Reward: the share of blocks in their colour's quarter: red top left, blue top right, green bottom
    left, yellow bottom right."""

    most: ClassVar[int] = len(board.KINDS)

    @property
    def instruction(self) -> str:
        return "sort the blocks by color into the corners"

    def _wrong(self, blocks: Blocks) -> list[str]:
        return [n for n, xy in blocks.items() if not in_area(CORNER_OF[board.color_of(n)], xy)]

    def reward(self, blocks: Blocks, names: Collection[str] = ()) -> float:
        return share({*blocks} - {*self._wrong(blocks)}, blocks, names)

    def subgoals(self, blocks: Blocks) -> list[Subgoal]:
        pushes = [
            Instruction("block2area", {"block": name, "area": CORNER_OF[board.color_of(name)]})
            for name in self._wrong(blocks)
        ]
        return [subgoal for push in pushes for subgoal in _into(push, blocks)]


@dataclass(frozen=True)
class ClearTheCenter:
    """Reward: the share of blocks whose centre is more than 0.15 m from the board's centre."""

    most: ClassVar[int] = len(board.KINDS)

    @property
    def instruction(self) -> str:
        return "clear the center"

    def _inside(self, blocks: Blocks) -> list[str]:
        return [n for n, xy in blocks.items() if np.linalg.norm(xy - board.BOARD_CENTER) <= OFF_CENTER]

    def reward(self, blocks: Blocks, names: Collection[str] = ()) -> float:
        return share({*blocks} - {*self._inside(blocks)}, blocks, names)

    def subgoals(self, blocks: Blocks) -> list[Subgoal]:
        pushes = [Instruction("block_off_center", {"block": name}) for name in self._inside(blocks)]
        return [subgoal for push in pushes for subgoal in _into(push, blocks)]


AREA_TASKS: tuple[LongTask, ...] = (*(MoveToArea(area) for area in AREAS), SortToCorners(), ClearTheCenter())
