"""Pairs: group_by_color and group_by_shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tasks import board
from tasks.instruction import Instruction
from tasks.long.base import Blocks, Subgoal, distance, nearest, unreachable

GROUPED = 0.08


@dataclass(frozen=True)
class GroupBy:
    """Reward 1/4 for each colour (or shape) whose blocks are < 0.08 m apart and closer to each other
    than to any other block."""

    attribute: str
    """ "color" or "shape"."""

    @property
    def instruction(self) -> str:
        return f"group the blocks by {self.attribute}"

    def _pairs(self, blocks: Blocks) -> list[tuple[str, str]]:
        of: Callable[[str], str] = board.color_of if self.attribute == "color" else board.shape_of
        values = board.COLORS if self.attribute == "color" else board.SHAPES
        groups = [sorted(name for name in blocks if of(name) == value) for value in values]
        return [(group[0], group[1]) for group in groups if len(group) == 2]

    def _intruders(self, blocks: Blocks, pair: tuple[str, str]) -> list[str]:
        gap = distance(blocks, *pair)
        rest = [name for name in blocks if name not in pair]
        return [name for name in rest if nearest(blocks, name, list(pair)) <= gap]

    def _grouped(self, blocks: Blocks, pair: tuple[str, str]) -> bool:
        return distance(blocks, *pair) < GROUPED and not self._intruders(blocks, pair)

    def reward(self, blocks: Blocks) -> float:
        return sum(self._grouped(blocks, pair) for pair in self._pairs(blocks)) / 4

    def subgoals(self, blocks: Blocks) -> list[Subgoal]:
        pairs = self._pairs(blocks)
        done = {name for pair in pairs if self._grouped(blocks, pair) for name in pair}
        return [s for pair in pairs if pair[0] not in done for s in self._join(blocks, pair, done)]

    def _join(self, blocks: Blocks, pair: tuple[str, str], done: set[str]) -> list[Subgoal]:
        if distance(blocks, *pair) < 0.058:
            return [self._apart(blocks, name, pair) for name in self._intruders(blocks, pair)]
        found = []
        for start, target in (pair, pair[::-1]):
            rest = [name for name in blocks if name not in pair]
            gap = nearest(blocks, target, rest)
            crowd = max(0.0, 0.075 - gap) * (8.0 if nearest(blocks, target, sorted(done)) < 0.075 else 4.0)
            cost = distance(blocks, *pair) + crowd + 2 * unreachable(blocks[start])
            push = Instruction("block2block", {"start_block": start, "target_block": target})
            found.append(Subgoal(push, None, cost))
        return found

    def _apart(self, blocks: Blocks, intruder: str, pair: tuple[str, str]) -> Subgoal:
        push = Instruction("separate_blocks", {"block": intruder, "avoid_blocks": tuple(sorted(pair))})
        return Subgoal(push, None, 0.1 + 2 * unreachable(blocks[intruder]))


GROUP_TASKS = (GroupBy("color"), GroupBy("shape"))
