"""Branch ends in words: branches of one subgoal read alike, and end in different places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from planner import Node, Search
from tasks.tabletop.seeing.encoder import PoseProbe
from tasks.tabletop.world.board import words_of

MOVED: Final = 0.015
"""Metres that a block has to go to be told of."""


def ends(found: Search, nodes: Sequence[Node], probe: PoseProbe) -> list[str]:
    """For each branch which blocks its clip moves, how far, and to where on the board (x away from the robot,
    y to the left, both in centimetres)."""
    tree = found.tree
    before = [
        tree.root_frame if node.parent is None else tree.nodes[node.parent].last_frame for node in nodes
    ]
    seen = probe.blocks_of(np.stack([*before, *(node.last_frame for node in nodes)]))
    return [_moves(seen[number], seen[len(nodes) + number]) for number in range(len(nodes))]


def _moves(before: dict[str, tuple[float, float]], after: dict[str, tuple[float, float]]) -> str:
    found = []
    for name in sorted(before.keys() & after.keys()):
        start, end = np.asarray(before[name]), np.asarray(after[name])
        gone = float(np.linalg.norm(end - start))
        if gone > MOVED:
            place = f"({100 * end[0]:.1f}, {100 * end[1]:.1f})"
            found.append((gone, f"{words_of(name)} {100 * gone:.0f} cm to {place}"))
    return ", ".join(words for _, words in sorted(found, reverse=True)[:2]) or "nothing moves"
