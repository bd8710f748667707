"""At a place: one block at (x, y), to a tolerance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.tabletop.goals.relations.base import Blocks, Places, apart
from tasks.tabletop.world.board import BOARD_X, BOARD_Y, words_of

TOLERANCE: Final = 0.02
"""Metres, where nothing else is said."""
FINEST, COARSEST = 0.01, 0.2
"""Metres: finer than the camera sees and pushes can do; coarser than means anything."""


@dataclass(frozen=True)
class AtPlace:
    """Reward: 1 where the block's centre is less than the tolerance from (x, y), metres; else less, the
    farther it is. `moved`: how the place was said where it hangs on where the block stood, such as "5 cm to
    the left". Raises ValueError for a place off the board or a tolerance out of 0.01..0.2."""

    who: str
    x: float
    y: float
    tolerance: float = TOLERANCE
    moved: str = ""

    def __post_init__(self) -> None:
        if not (BOARD_X[0] < self.x < BOARD_X[1] and BOARD_Y[0] < self.y < BOARD_Y[1]):
            x, y = ([round(100 * limit) for limit in axis] for axis in (BOARD_X, BOARD_Y))
            raise ValueError(
                f"expected a place on the board, x {x[0]} to {x[1]} cm and y {y[0]} to {y[1]} cm, "
                f"got x {100 * self.x:g} y {100 * self.y:g}"
            )
        if not FINEST <= self.tolerance <= COARSEST:
            raise ValueError(f"expected a tolerance of 1 to 20 cm, got {100 * self.tolerance:g} cm")

    @property
    def words(self) -> str:
        near = f"to within {100 * self.tolerance:g} cm"
        if self.moved:
            return f"the {words_of(self.who)} {self.moved} from where it was, {near}"
        return f"the {words_of(self.who)} at x {100 * self.x:g} cm, y {100 * self.y:g} cm, {near}"

    @property
    def names(self) -> tuple[str, ...]:
        return (self.who,)

    def reward(self, blocks: Blocks) -> float:
        if self.who not in blocks:
            return 0.0
        far = apart(blocks[self.who], np.array([self.x, self.y]))
        return 1.0 if far < self.tolerance else min(0.99, self.tolerance / far)

    def wanted(self, blocks: Blocks) -> Places:
        return {self.who: np.array([self.x, self.y])} if self.who in blocks else {}
