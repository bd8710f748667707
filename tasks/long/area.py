"""Regions of the board: move_to_area, sort_to_corners, clear_the_center."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks import board
from tasks.families import spots
from tasks.instruction import AREAS, Instruction
from tasks.long.base import Blocks, LongTask, Subgoal
from tasks.success import OFF_CENTER, in_area

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
    """Reward 1/8 for each block whose centre lies in the area: a corner is a quarter, a side a half."""

    area: str

    @property
    def instruction(self) -> str:
        return f"move all blocks to the {area_words(self.area)}"

    def reward(self, blocks: Blocks) -> float:
        return sum(in_area(self.area, xy) for xy in blocks.values()) / 8

    def subgoals(self, blocks: Blocks) -> list[Subgoal]:
        outside = [name for name, xy in blocks.items() if not in_area(self.area, xy)]
        pushes = [Instruction("block2area", {"block": name, "area": self.area}) for name in outside]
        return [subgoal for push in pushes for subgoal in _into(push, blocks)]


@dataclass(frozen=True)
class SortToCorners:
    """Reward 1/8 for each block in its colour's quarter: red top left, blue top right, green bottom
    left, yellow bottom right."""

    @property
    def instruction(self) -> str:
        return "sort the blocks by color into the corners"

    def _wrong(self, blocks: Blocks) -> list[str]:
        return [n for n, xy in blocks.items() if not in_area(CORNER_OF[board.color_of(n)], xy)]

    def reward(self, blocks: Blocks) -> float:
        return (len(blocks) - len(self._wrong(blocks))) / 8

    def subgoals(self, blocks: Blocks) -> list[Subgoal]:
        pushes = [
            Instruction("block2area", {"block": name, "area": CORNER_OF[board.color_of(name)]})
            for name in self._wrong(blocks)
        ]
        return [subgoal for push in pushes for subgoal in _into(push, blocks)]


@dataclass(frozen=True)
class ClearTheCenter:
    """Reward 1/8 for each block whose centre is more than 0.15 m from the board's centre."""

    @property
    def instruction(self) -> str:
        return "clear the center"

    def _inside(self, blocks: Blocks) -> list[str]:
        return [n for n, xy in blocks.items() if np.linalg.norm(xy - board.BOARD_CENTER) <= OFF_CENTER]

    def reward(self, blocks: Blocks) -> float:
        return (len(blocks) - len(self._inside(blocks))) / 8

    def subgoals(self, blocks: Blocks) -> list[Subgoal]:
        pushes = [Instruction("block_off_center", {"block": name}) for name in self._inside(blocks)]
        return [subgoal for push in pushes for subgoal in _into(push, blocks)]


AREA_TASKS: tuple[LongTask, ...] = (*(MoveToArea(area) for area in AREAS), SortToCorners(), ClearTheCenter())
