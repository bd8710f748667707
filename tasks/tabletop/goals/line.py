"""make_line: all blocks on a line through the middle of the board."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from tasks.tabletop.goals.base import Blocks, Subgoal, Vector, share
from tasks.tabletop.goals.families import line_slots
from tasks.tabletop.goals.push import LINE_SPACING, on_line
from tasks.tabletop.language.instruction import Instruction
from tasks.tabletop.world import board

_PLACED = 0.016
_BARRED = 0.036


@dataclass(frozen=True)
class MakeLine:
    """Reward: the share of blocks within 0.03 m of the line and no closer than 0.035 m along it to
    another block on it. The vertical line is y = 0, the horizontal one x = 0.375."""

    line: str

    @property
    def instruction(self) -> str:
        return f"make a {self.line} line in the middle of the board"

    @property
    def most(self) -> int:
        """With so much room along the line between them, more do not fit on the board."""
        low, high = board.BOARD_X if self.line == "vertical" else board.BOARD_Y
        return min(len(board.KINDS), int((high - low) / LINE_SPACING) + 1)

    def _off(self, blocks: Blocks) -> list[str]:
        return [name for name in blocks if not on_line(self.line, name, blocks)]

    def reward(self, blocks: Blocks, names: Collection[str] = ()) -> float:
        return share({*blocks} - {*self._off(blocks)}, blocks, names)

    def _slots(self, blocks: Blocks) -> dict[str, Vector]:
        """A slot for each block by its order along the line, so that no two ways cross."""
        along = 0 if self.line == "vertical" else 1
        slots = line_slots(self.line, len(blocks))
        first = (len(slots) - len(blocks)) // 2
        order = sorted(blocks, key=lambda name: float(blocks[name][along]))
        return {name: slots[(first + rank) % len(slots)] for rank, name in enumerate(order)}

    def subgoals(self, blocks: Blocks) -> list[Subgoal]:
        off, slots = self._off(blocks), self._slots(blocks)
        astray = [name for name in blocks if np.linalg.norm(blocks[name] - slots[name]) > _PLACED]
        found, barred = [], False
        for name in astray:
            rest = np.array([xy for other, xy in blocks.items() if other != name]).reshape(-1, 2)
            free = not len(rest) or np.linalg.norm(rest - slots[name], axis=1).min() > _BARRED
            barred |= name in off and not free
            if free:
                push = Instruction("block2line", {"block": name, "line": self.line})
                way = float(np.linalg.norm(slots[name] - blocks[name]))
                found.append((name, Subgoal(push, slots[name], way)))
        # Blocks on the line move up only where they bar another's slot.
        urgent = [subgoal for name, subgoal in found if name in off]
        return [subgoal for _, subgoal in found] if barred or not urgent else urgent


LINE_TASKS = (MakeLine("vertical"), MakeLine("horizontal"))
