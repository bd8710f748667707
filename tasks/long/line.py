"""make_line: all blocks on a line through the middle of the board."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.families import LINE_SLOTS
from tasks.instruction import Instruction
from tasks.long.base import Blocks, Subgoal, Vector
from tasks.success import on_line

_PLACED = 0.016
_BARRED = 0.036


@dataclass(frozen=True)
class MakeLine:
    """Reward 1/8 for each block within 0.03 m of the line and no closer than 0.035 m along it to
    another block on it. The vertical line is y = 0, the horizontal one x = 0.375."""

    line: str

    @property
    def instruction(self) -> str:
        return f"make a {self.line} line in the middle of the board"

    def _off(self, blocks: Blocks) -> list[str]:
        return [name for name in blocks if not on_line(self.line, name, blocks)]

    def reward(self, blocks: Blocks) -> float:
        return (len(blocks) - len(self._off(blocks))) / 8

    def _slots(self, blocks: Blocks) -> dict[str, Vector]:
        """A slot for each block by its order along the line, so that no two ways cross."""
        along = 0 if self.line == "vertical" else 1
        slots = LINE_SLOTS[self.line]
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
