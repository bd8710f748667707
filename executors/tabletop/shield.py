"""Shield: keeps the pusher off what is not to be pushed, or not from this side.

The policy comes near enough to where it should go, but on its way behind a block it may run into it, or into
a neighbour, and what is shoved against the wall can't be brought back. The step is turned along the rim of
the block in the way, as in the tangent-following of bug algorithms (Kamon, Rivlin and Rimon, "A new
range-sensor based globally convergent navigation algorithm for mobile robots", 1996).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from executors.tabletop.deviation import Seen
from tasks.tabletop.demos.oracle import REACH_HIGH, REACH_LOW

Vector = NDArray[np.float64]
PASSES = 4
"""Round one block may be into the next."""
TIGHTER = (1.0, 0.85, 0.7, 0.5)
"""Shares of the clearance: between two blocks that leave no way at one, there may be one at the next. A
pusher that came to stand between two blocks must get out again, if it nudges them."""
AT_EDGE = 1.1
"""Least of these shares that is kept to a block which can't be pushed any way: its corners are not to be
touched either, since nudged again and again it would be lost."""
STUCK = 0.003
"""Metres; a shorter step is none."""
Blocks = tuple[NDArray[np.bool_], Vector, Vector]
"""Presence [K], places [K, 2] and how far each is to go [K, 2], metres; the pusher is not among them."""


@dataclass(frozen=True)
class Shield:
    """When a block counts as one to be pushed, and how far to keep from the others."""

    clearance: float = 0.04
    """Metres kept between the pusher's centre and the centres of blocks that it is not to push."""
    wanted: float = 0.006
    """Metres that a block must have to go to be one to be pushed."""
    facing: float = 0.2
    """Least cosine between where a block is to go and where a touch would push it."""
    outward: float = 0.1
    """Most of a touch's direction that may point off the board where a block stands at its edge, beyond where
    it can be pushed any way: there it is lost soon."""

    def turn(
        self, action: NDArray[np.float32], target: Vector, seen: Seen, wanted: Seen, stays: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """The set-point change [2] in metres that may be sent from set point `target` [2], instead of
        `action`; `seen` and `wanted` are presence [K] and places [K, 2] in metres, pusher last, `stays` [K]
        what is not to be moved."""
        here = seen[1][-1].astype(float)
        lead = np.asarray(target, float) - here
        way = np.asarray(action, float) + lead
        there, where = seen[0][:-1], seen[1][:-1].astype(float)
        gone = np.where((wanted[0] & seen[0] & ~stays)[:-1, None], wanted[1][:-1] - where, 0.0)
        least = np.where(_off(where).any(1), AT_EDGE, 0.0)
        for tighter in TIGHTER:
            clearance = np.maximum(tighter, least) * self.clearance
            turned, met = self._round(here, way, (there, where, gone), clearance)
            if len(met) < 2 or np.linalg.norm(turned) > STUCK:
                break
        return np.asarray(turned - lead if met else action, np.float32)

    def _round(self, here: Vector, way: Vector, blocks: Blocks, clearance: Vector) -> tuple[Vector, set[int]]:
        """`way` round the blocks, [K] metres from each, and which of them it met; of no length where none
        leads between."""
        met: set[int] = set()
        for _ in range(PASSES):
            k = self._in_the_way(here, way, blocks, clearance)
            if k is None:
                return way, met
            met.add(k)
            way = _along(here, way, blocks[1][k], float(clearance[k]))
        return np.zeros(2), met

    def _in_the_way(self, here: Vector, way: Vector, blocks: Blocks, clearance: Vector) -> int | None:
        """The first block that the pusher would touch on its way though it should not."""
        there, where, gone = blocks
        length = float(np.linalg.norm(way))
        if length < 1e-6:
            return None
        gap = where - here
        ahead = np.clip(gap @ way / length, 0.0, length)
        at = here + ahead[:, None] * way / length
        nearest = np.linalg.norm(where - at, axis=1)
        now = np.linalg.norm(gap, axis=1)
        touches = there & (nearest < clearance) & (nearest < now - 1e-4)
        # Where the pusher would first touch it.
        depth = np.sqrt(np.maximum(clearance**2 - nearest**2, 0.0))
        touch = here + np.maximum(ahead - depth, 0.0)[:, None] * way / length
        normal = (where - touch) / np.maximum(np.linalg.norm(where - touch, axis=1), 1e-9)[:, None]
        far = np.linalg.norm(gone, axis=1)
        pushes = (far > self.wanted) & ((normal * gone).sum(1) > self.facing * far)
        pushes &= (normal * _off(where)).max(1) <= self.outward
        wrong = np.flatnonzero(touches & ~pushes)
        return int(wrong[np.argmin(now[wrong])]) if len(wrong) else None


def _off(where: Vector) -> Vector:
    """To which sides [K, 2], as signs, places [K, 2] are beyond where a block can be pushed any way."""
    return np.asarray(np.sign(where - np.clip(where, REACH_LOW, REACH_HIGH)))


def _along(here: Vector, way: Vector, center: Vector, radius: float) -> Vector:
    """`way` turned to pass the disc on the side to which it leans, or cut to run along its rim."""
    gap = center - here
    distance = float(np.linalg.norm(gap))
    toward = gap / max(distance, 1e-9)
    side = np.array([-toward[1], toward[0]])
    side = side if way @ side >= 0 else -side
    if distance <= radius:
        return np.asarray(side * max(float(way @ side), 0.0))
    sine = radius / distance
    tangent = np.sqrt(1 - sine**2) * toward + sine * side
    return np.asarray(tangent * min(float(np.linalg.norm(way)), distance))
