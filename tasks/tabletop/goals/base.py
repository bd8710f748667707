"""Long-horizon task, the base class: its words, its reward, its scripted next subgoals."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.demos.oracle import REACH_HIGH, REACH_LOW
from tasks.tabletop.language.instruction import Instruction

Vector = NDArray[np.float64]
Blocks = Mapping[str, Vector]


@dataclass(frozen=True)
class Subgoal:
    """One push that brings a long task nearer. For demonstrations only: the planner never sees it."""

    instruction: Instruction
    spot: Vector | None
    """Where to, for families that leave a choice: [2] metres."""
    cost: float
    """The lower the sooner, metres of pushing and penalties."""


class LongTask(Protocol):
    """A task of several pushes. `blocks` are centres in metres of the blocks still on the board."""

    @property
    def instruction(self) -> str: ...

    @property
    def most(self) -> int:
        """Blocks with which it can be done at most."""
        ...

    def reward(self, blocks: Blocks, names: Collection[str] = ()) -> float:
        """The share, 0..1, of the blocks it is about that are as it says; 1 exactly when it is true.

        It is about all blocks on the board and, beside them, those of `names`: what was there when it was
        asked and has been lost since is not as it says. 0 where there is no block.
        """
        ...

    def subgoals(self, blocks: Blocks) -> list[Subgoal]:
        """Sensible next pushes, empty when none is left."""
        ...


def share(good: Collection[str], blocks: Blocks, names: Collection[str]) -> float:
    """How many of the blocks on the board and of `names` are among `good`, 0..1; 0 where there are none."""
    about = {*blocks, *names}
    return len(good) / len(about) if about else 0.0


def distance(blocks: Blocks, first: str, second: str) -> float:
    """Between two block centres, metres."""
    return float(np.linalg.norm(blocks[first] - blocks[second]))


def nearest(blocks: Blocks, name: str, among: list[str]) -> float:
    """Distance in metres from a block to the nearest of some others; infinite when there are none."""
    return min((distance(blocks, name, other) for other in among if other != name), default=float("inf"))


def unreachable(xy: Vector) -> float:
    """How far outside the region in which a block can be pushed any way, metres."""
    return float(np.maximum(REACH_LOW - xy, xy - REACH_HIGH).clip(0).max())
