"""What every long-horizon task says: its words, its reward, its scripted next subgoals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.instruction import Instruction
from tasks.oracle import REACH_HIGH, REACH_LOW

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

    def reward(self, blocks: Blocks) -> float:
        """In 0..1; 1 is done."""
        ...

    def subgoals(self, blocks: Blocks) -> list[Subgoal]:
        """Sensible next pushes, empty when none is left."""
        ...


def distance(blocks: Blocks, first: str, second: str) -> float:
    """Between two block centres, metres."""
    return float(np.linalg.norm(blocks[first] - blocks[second]))


def nearest(blocks: Blocks, name: str, among: list[str]) -> float:
    """Distance in metres from a block to the nearest of some others; infinite when there are none."""
    return min((distance(blocks, name, other) for other in among if other != name), default=float("inf"))


def unreachable(xy: Vector) -> float:
    """How far outside the region in which a block can be pushed any way, metres."""
    return float(np.maximum(REACH_LOW - xy, xy - REACH_HIGH).clip(0).max())
