"""Long task: one of the tasks with rewards of their own, as a relation of a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.tabletop.goals.area import CORNER_OF, ClearTheCenter, MoveToArea, SortToCorners
from tasks.tabletop.goals.base import LongTask
from tasks.tabletop.goals.group import GroupBy
from tasks.tabletop.goals.line import MakeLine
from tasks.tabletop.goals.relations.area_clear import AreaClear
from tasks.tabletop.goals.relations.base import Blocks, Places, apart
from tasks.tabletop.goals.relations.in_area import InArea
from tasks.tabletop.goals.relations.line import Line
from tasks.tabletop.goals.relations.together import pulled
from tasks.tabletop.world.board import color_of, shape_of

FREE: Final = 0.105
"""Metres that a block of another group is wanted away."""


@dataclass(frozen=True)
class Long:
    """Reward: the task's own."""

    task: LongTask
    all: tuple[str, ...]
    """The blocks that were there when it was asked."""

    @property
    def words(self) -> str:
        if isinstance(self.task, GroupBy):
            return f"the blocks grouped by {self.task.attribute}"
        if isinstance(self.task, SortToCorners):
            return "the blocks sorted by color into the corners: " + ", ".join(
                f"{color} {corner.replace('_', ' ')}" for color, corner in CORNER_OF.items()
            )
        return f'"{self.task.instruction}"'

    @property
    def names(self) -> tuple[str, ...]:
        return self.all

    def reward(self, blocks: Blocks) -> float:
        return self.task.reward(blocks, self.all)

    def wanted(self, blocks: Blocks) -> Places:
        here = tuple(name for name in self.all if name in blocks)
        match self.task:
            case GroupBy():
                return _grouped(self.task.attribute, here, blocks)
            case SortToCorners():
                homes = [InArea((name,), CORNER_OF[color_of(name)]) for name in here]
                return {name: xy for home in homes for name, xy in home.wanted(blocks).items()}
            case MoveToArea():
                return InArea(here, self.task.area).wanted(blocks)
            case MakeLine():
                return Line(here, self.task.line, "middle").wanted(blocks)
            case ClearTheCenter():
                return AreaClear(here, "center").wanted(blocks)
        return {}


def _grouped(attribute: str, names: tuple[str, ...], blocks: Blocks) -> Places:
    """Each group pulled together, and blocks of other groups away from it."""
    of = color_of if attribute == "color" else shape_of
    wanted: Places = {}
    groups: dict[str, tuple[str, ...]] = {}
    for name in names:
        groups[of(name)] = (*groups.get(of(name), ()), name)
    for group in groups.values():
        wanted |= pulled(group, blocks)
    for k, one in enumerate(names):
        for other in names[k + 1 :]:
            a, b = wanted.get(one, blocks[one]), wanted.get(other, blocks[other])
            lone = len(groups[of(one)]) == 1 and len(groups[of(other)]) == 1
            if of(one) != of(other) and not lone and (far := apart(a, b)) < FREE:
                way = (a - b) / far if far > 1e-9 else np.array([1.0, 0.0])
                wanted[one], wanted[other] = a + way * (FREE - far) / 2, b - way * (FREE - far) / 2
    return wanted
