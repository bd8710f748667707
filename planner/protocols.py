"""Protocols of a search's models: any object with these methods will do; `planner` knows no concrete one.

Every call is one batch over all branches of a level. Shapes: B beams, N branches, T future frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from planner.types import Frames, Proposal, StepsToGo


@runtime_checkable
class Proposer(Protocol):
    """Suggests subgoals."""

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """Up to `n` distinct subgoals a beam, the likeliest first.

        frames: uint8 [B, H, W, 3], where each beam stands; histories: the subgoals each beam has behind it.
        """
        ...


@runtime_checkable
class VideoModel(Protocol):
    """Imagines how a subgoal is carried out."""

    def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> Frames:
        """Clips uint8 [N, T, H, W, 3] that go on from `frames` uint8 [N, H, W, 3] without repeating them.

        One seed a clip (0..2**32-1); the same seed, frame and subgoal give the same clip. A model that cannot
        vouch for its pixels may return floats in 0..255: clips that hold NaN are then dropped by the search.
        """
        ...


@runtime_checkable
class Value(Protocol):
    """Tells how far a frame is from the goal."""

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """Control steps left from each of `frames` uint8 [N, H, W, 3]."""
        ...


@runtime_checkable
class Guard(Protocol):
    """Drops clips that cheat."""

    def check(self, starts: Frames, clips: NDArray[Any], subgoals: Sequence[str]) -> list[str | None]:
        """For each clip None, or why it must be dropped, in words.

        starts: uint8 [N, H, W, 3]; clips: uint8 [N, T, H, W, 3] (`FiniteGuard` alone also meets floats).
        """
        ...


class Tracks(Protocol):
    """Where the blocks are in N frames. K blocks."""

    @property
    def present(self) -> NDArray[np.bool_] | NDArray[np.floating[Any]]:
        """[N, K], True or a probability above 0.5 where the block is seen."""
        ...

    @property
    def xy(self) -> NDArray[np.float32]:
        """[N, K, 2], metres in the board frame; meaningless where the block is not present."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """[K], such as "red_star"."""
        ...


@runtime_checkable
class Tracker(Protocol):
    """Finds blocks in pictures, real or imagined."""

    def track(self, frames: Frames) -> Tracks:
        """frames: uint8 [N, H, W, 3]."""
        ...
