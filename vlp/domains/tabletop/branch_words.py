"""Branch ends in words: branches of one subgoal read alike, and end in different places."""

from __future__ import annotations

from typing import Final

import numpy as np

from planner import Frames
from tasks.tabletop.seeing.encoder import PoseProbe
from tasks.tabletop.world.board import words_of

MOVED: Final = 0.015
"""Metres that a block has to go to be told of."""


def changes(probe: PoseProbe, before: Frames, after: Frames) -> list[str]:
    """For pairs of pictures uint8 [N, H, W, 3] which blocks move, how far, and to where on the board (x away
    from the robot, y to the right, both in centimetres)."""
    seen = probe.blocks_of(np.concatenate([before, after]))
    return [_moves(seen[number], seen[len(before) + number]) for number in range(len(before))]


def _moves(before: dict[str, tuple[float, float]], after: dict[str, tuple[float, float]]) -> str:
    found = []
    for name in sorted(before.keys() & after.keys()):
        start, end = np.asarray(before[name]), np.asarray(after[name])
        gone = float(np.linalg.norm(end - start))
        if gone > MOVED:
            place = f"({100 * end[0]:.1f}, {100 * end[1]:.1f})"
            found.append((gone, f"{words_of(name)} {100 * gone:.0f} cm to {place}"))
    return ", ".join(words for _, words in sorted(found, reverse=True)[:2]) or "nothing moves"
