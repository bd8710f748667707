"""Groups: group_by_color and group_by_shape."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import ClassVar

from tasks.tabletop.goals.base import Blocks, Subgoal, distance, nearest, unreachable
from tasks.tabletop.language.instruction import Instruction
from tasks.tabletop.world import board

GROUPED = 0.08
_TOUCHING = 0.058
"""Metres between two blocks below which the demonstrator brings them no nearer."""
Group = tuple[str, ...]
"""Blocks of one colour (or shape), two or more, sorted."""


@dataclass(frozen=True)
class GroupBy:
    """Reward: the share of blocks whose colour (or shape) is grouped.

    A colour is grouped when steps from block to block join all of its blocks, each of them < 0.08 m and
    shorter than the way from any of these blocks to one of another colour. Two blocks: they are < 0.08 m
    apart and closer to each other than to any other block. A block alone of its colour has nothing to be
    grouped with: it does not count, unless it is lost.
    """

    attribute: str
    """ "color" or "shape"."""
    most: ClassVar[int] = len(board.KINDS)

    @property
    def instruction(self) -> str:
        return f"group the blocks by {self.attribute}"

    def _groups(self, names: Collection[str]) -> list[Group]:
        of: Callable[[str], str] = board.color_of if self.attribute == "color" else board.shape_of
        values = board.COLORS if self.attribute == "color" else board.SHAPES
        groups = [tuple(sorted(name for name in names if of(name) == value)) for value in values]
        return [group for group in groups if len(group) > 1]

    def _grouped(self, blocks: Blocks, group: Group) -> bool:
        if not set(group) <= set(blocks):
            return False
        widest = _widest(blocks, group)
        return widest < GROUPED and not _intruders(blocks, group, widest)

    def reward(self, blocks: Blocks, names: Collection[str] = ()) -> float:
        groups = self._groups({*blocks, *names})
        about = {name for group in groups for name in group} | ({*names} - {*blocks})
        if not about:  # nothing to group: any board is grouped
            return float(bool(blocks))
        return sum(len(group) for group in groups if self._grouped(blocks, group)) / len(about)

    def subgoals(self, blocks: Blocks) -> list[Subgoal]:
        groups = self._groups(blocks)
        done = {name for group in groups if self._grouped(blocks, group) for name in group}
        return [s for group in groups if group[0] not in done for s in _join(blocks, group, done)]


def _widest(blocks: Blocks, group: Group) -> float:
    """The longest of the shortest steps that join a group's blocks (Prim's spanning tree), metres."""
    joined, left, widest = [group[0]], list(group[1:]), 0.0
    while left:
        gap, name = min((nearest(blocks, name, joined), name) for name in left)
        widest = max(widest, gap)
        joined.append(name)
        left.remove(name)
    return widest


def _intruders(blocks: Blocks, group: Group, gap: float) -> list[str]:
    """Other blocks that are no farther from the group than `gap` metres."""
    rest = [name for name in blocks if name not in group]
    return [name for name in rest if nearest(blocks, name, list(group)) <= gap]


def _clumps(blocks: Blocks, group: Group) -> list[list[str]]:
    """The group's blocks by which of them hang together already."""
    clumps: list[list[str]] = []
    for name in group:
        near = [clump for clump in clumps if nearest(blocks, name, clump) < _TOUCHING]
        clumps = [clump for clump in clumps if clump not in near]
        clumps.append([*(other for clump in near for other in clump), name])
    return clumps


def _join(blocks: Blocks, group: Group, done: set[str]) -> list[Subgoal]:
    """Blocks of the smallest clumps to the nearest block of another; others out of a group that is joined."""
    clumps = _clumps(blocks, group)
    if len(clumps) == 1:
        return [_apart(blocks, name, group) for name in _intruders(blocks, group, _widest(blocks, group))]
    smallest, found = min(map(len, clumps)), []
    rest = [name for name in blocks if name not in group]
    for start in (name for name in group if any(name in c for c in clumps if len(c) == smallest)):
        others = [name for clump in clumps if start not in clump for name in clump]
        target = min(others, key=lambda name: distance(blocks, start, name))
        gap = nearest(blocks, target, rest)
        crowd = max(0.0, 0.075 - gap) * (8.0 if nearest(blocks, target, sorted(done)) < 0.075 else 4.0)
        cost = distance(blocks, start, target) + crowd + 2 * unreachable(blocks[start])
        push = Instruction("block2block", {"start_block": start, "target_block": target})
        found.append(Subgoal(push, None, cost))
    return found


def _apart(blocks: Blocks, intruder: str, group: Group) -> Subgoal:
    """Away from the two that it is nearest to."""
    near = sorted(group, key=lambda name: distance(blocks, name, intruder))[:2]
    push = Instruction("separate_blocks", {"block": intruder, "avoid_blocks": tuple(sorted(near))})
    return Subgoal(push, None, 0.1 + 2 * unreachable(blocks[intruder]))


GROUP_TASKS = (GroupBy("color"), GroupBy("shape"))
