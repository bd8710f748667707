"""Reach of a step: how far it can move blocks at worst, from nothing but where their centres are.

A block that is pushed goes away from where it was touched, but slips aside, turns, and slides on when it was
struck: its centre may come to anywhere in a sector. The numbers bound 900 strikes in the simulator, over all
shapes, sides and speeds. Blocks are discs of their widest radius, since nobody tells how they are turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.world import board
from tasks.tabletop.world.shapes import outline

Vector = NDArray[np.float64]
MARGIN: Final = 0.004
"""Metres by which the distance of two things that are seen may be off."""
RADII: Final = np.array(
    [float(np.linalg.norm(outline(board.shape_of(kind)), axis=1).max()) for kind in board.KINDS]
)
"""Metres from a block's centre to its farthest corner, [16]."""
SPREAD: Final = np.deg2rad(60.0)
"""How far from straight away a struck block goes; 68 degrees were seen, in grazes of a few millimetres."""
GLANCE: Final = np.deg2rad(30.0)
"""How far a face may be turned towards a pusher that comes past a block's side."""
_SLIDE, _HOP, _FAST = 0.15, 0.5, 0.6
"""Metres a block slides on, a speed squared: 0.134 at most below _FAST metres a second; above, it hops."""
_BESIDE: Final = 0.9
"""Share of the sum of their widest radii at which two blocks touch: two farthest corners hardly ever meet. A
hostile pusher on 150 boards moved no block that must stay more than 1 mm even at 0.85."""


@dataclass(frozen=True)
class Moved:
    """A block that may be moved, and the sector in which its centre may come to rest."""

    block: int
    """Its place in board.KINDS."""
    start: Vector
    """[2] metres."""
    toward: Vector
    """[2], of length one."""
    reach: float
    """Metres."""

    def nearest(self, points: Vector) -> Vector:
        """The points of the sector, [N, 2] metres, that are nearest to some points [N, 2]."""
        gaps = points - self.start
        far = np.linalg.norm(gaps, axis=1)
        along = gaps @ self.toward
        aside = gaps - along[:, None] * self.toward
        aside /= np.maximum(np.linalg.norm(aside, axis=1), 1e-9)[:, None]
        angle = np.arccos(np.clip(along / np.maximum(far, 1e-9), -1.0, 1.0))
        turned = np.minimum(angle, SPREAD)[:, None]
        length = np.clip(far * np.cos(angle - turned[:, 0]), 0.0, self.reach)
        return np.asarray(
            self.start + length[:, None] * (np.cos(turned) * self.toward + np.sin(turned) * aside)
        )

    def rim(self) -> Vector:
        """Points [18, 2] along the sector's rim and halfway to it, metres."""
        turns = np.linspace(-SPREAD, SPREAD, 9) + np.arctan2(self.toward[1], self.toward[0])
        rays = np.stack([np.cos(turns), np.sin(turns)], axis=1)
        return np.asarray(self.start + np.concatenate([rays, 0.5 * rays]) * self.reach)


def sway(speed: float) -> float:
    """Metres that the pusher strays from its set point's way at most, going to and fro at `speed` metres a
    second; a bound to what the simulator showed up to 0.45 m a second."""
    return 0.0063 * (speed / 0.45) ** 3


def coast(speed: float) -> float:
    """Metres that a block struck at `speed` metres a second slides on at most."""
    return (_SLIDE if speed <= _FAST else _HOP) * speed**2


def pushed(
    start: Vector, way: Vector, present: NDArray[np.bool_], where: Vector, strays: float
) -> list[Moved]:
    """The blocks that the pusher may touch on its way [2] from `start` [2] if it strays so far, metres.

    present [16] and where [16, 2], metres, in the order of board.KINDS. A block that is left behind counts as
    not touched, however near it is.
    """
    length = float(np.linalg.norm(way))
    if length < 1e-6:
        return []
    ahead, contact = way / length, RADII + board.EFFECTOR_RADIUS + MARGIN + strays
    gaps = where - start
    now, along = np.linalg.norm(gaps, axis=1), gaps @ ahead
    nearest = np.linalg.norm(gaps - np.clip(along, 0.0, length)[:, None] * ahead, axis=1)
    found = []
    for k in np.flatnonzero(present & (nearest < contact) & (nearest < now - 1e-5)):
        beside = now[k] ** 2 - along[k] ** 2
        free = max(float(along[k] - np.sqrt(max(contact[k] ** 2 - beside, 0.0))), 0.0)
        normal = gaps[k] - free * ahead
        normal = normal / max(float(np.linalg.norm(normal)), 1e-9)
        share = np.cos(max(float(np.arccos(np.clip(normal @ ahead, -1.0, 1.0)) - GLANCE), 0.0))
        reach = float(share) * (length - free + coast(length * board.CONTROL_HZ))
        found.append(Moved(int(k), where[k], normal, reach))
    return found


def pushed_on(first: list[Moved], present: NDArray[np.bool_], where: Vector) -> list[Moved]:
    """`first` and all that those blocks may push in turn, and so on; a block may be there more than once.

    present [16] and where [16, 2], metres, in the order of board.KINDS.
    """
    found, waiting = list(first), list(first)
    most = {moved.block: moved.reach for moved in first}
    while waiting:
        by = waiting.pop()
        points = by.nearest(where)
        gaps = where - points
        now, near = np.linalg.norm(where - by.start, axis=1), np.linalg.norm(gaps, axis=1)
        contact = _BESIDE * (RADII + RADII[by.block]) + MARGIN
        met = present & (near < contact) & (near < now - 1e-5)
        met[by.block] = False
        for k in np.flatnonzero(met):
            reach = by.reach - max(float(now[k] - contact[k]), 0.0)
            if reach > most.get(int(k), 0.0) + 1e-6:
                toward = gaps[k] if near[k] > 1e-6 else by.toward
                moved = Moved(int(k), where[k], toward / np.linalg.norm(toward), reach)
                most[int(k)] = reach
                found.append(moved)
                waiting.append(moved)
    return found
