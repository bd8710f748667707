"""Progress along a clip: where the executor is, and whether what happens is still what the clip shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from executors.tabletop.deviation import Seen, gaps, left_alone, pushed_aside, pushed_to_edge, went_astray


@dataclass(frozen=True)
class FollowConfig:
    """When a frame of the clip counts as reached, and when to give up on it."""

    block_tolerance: float = 0.012
    """Metres that every block may be off an inner frame."""
    pusher_tolerance: float = 0.025
    final_tolerance: float = 0.005
    """Metres that every block may be off the last frame."""
    final_pusher_tolerance: float = 0.005
    steps_a_frame: int = 12
    """Control steps spent on one frame at most."""
    final_steps: int = 15
    lost_distance: float = 0.09
    """A block this far from where the clip has it, in metres, means that the clip is not what happens."""
    aside: float = 0.025
    """A block that the clip leaves where it was has been pushed aside when it went this far, metres."""
    astray: float = 0.035
    """A block that the clip moves has left its way when it is this far from all of it, metres."""
    edge: float = 0.008
    """A block is on its way off the board when it is this much further out, where it can't be pushed any way,
    than it is to come, metres."""
    stalled: float = 0.002
    """A pusher that went no further than this in `stalled_steps` won't come nearer to its frame, metres."""
    stalled_steps: int = 3
    missed: int = 3
    """Frames in a row that were not reached"""
    nearer: float = 0.004
    """and brought no block nearer to its end by this, metres, mean that the pusher gets nowhere."""
    execute: int = 1
    """Actions of a chunk that are sent before looking again."""


class Course:
    """A clip on its way to be followed: presence [T, K] and places [T, K, 2] in metres, pusher last."""

    def __init__(self, clip: Seen, config: FollowConfig) -> None:
        self._present, self._where = clip
        self.config = config
        self.index = 0
        self.stays = np.zeros(self._present.shape[1], bool)
        """[K] what the clip leaves alone."""
        self.trail: list[NDArray[np.float32]] = []
        """Where the pusher was while this frame was to be reached."""
        self._begun: Seen | None = None
        self._spent = 0
        self._misses: list[float] = []

    @property
    def on_last(self) -> bool:
        return self.index == len(self._where) - 1

    @property
    def over(self) -> bool:
        return self.index == len(self._where)

    def frame(self, index: int) -> Seen:
        """What a frame asks for: presence [K] of what is to be brought somewhere, places [K, 2]."""
        return self._present[index] & ~self.stays, self._where[index]

    @property
    def wanted(self) -> Seen:
        """Presence and places in the frame to be reached."""
        return self._present[self.index], self._where[self.index]

    @property
    def end(self) -> Seen:
        """Presence and places in the last frame, with what the clip leaves alone."""
        return self._present[-1], self._where[-1]

    def spend(self, steps: int) -> None:
        """Count control steps towards the frame's."""
        self._spent += steps

    def parted(self, seen: Seen) -> str:
        """Why what is seen is not what the clip shows, in words; empty where it is."""
        config = self.config
        if self._begun is None:
            self._begun, self.stays = seen, left_alone(seen, (self._present, self._where))
        if pushed_aside(self._begun, seen, self.stays, config.aside):
            return "a block that the clip leaves alone was pushed aside"
        if went_astray(self._begun, seen, (self._present, self._where), self.stays, config.astray):
            return "a block left the way that the clip has for it"
        if pushed_to_edge(self._begun, seen, self.end, config.edge):
            return "a block is pushed to the edge"
        blocks, _ = gaps(seen, self.frame(self.index))
        if blocks > config.lost_distance and self._spent > 8:
            return f"a block is {blocks:.3f} m from where the clip has it"
        if len(self._misses) == config.missed and self._misses[0] - self._misses[-1] < config.nearer:
            return "the pusher gets nowhere"
        return ""

    def leave(self, seen: Seen) -> bool:
        """Whether the frame is done with, reached or given up; the next one is on then."""
        blocks, pusher = gaps(seen, self.frame(self.index))
        self.trail.append(seen[1][-1])
        reached = self._reached(blocks, pusher)
        most = self.config.final_steps if self.on_last else self.config.steps_a_frame
        if not (reached or self._spent >= most or self._stalls()):
            return False
        self._note(reached, seen)
        self.index, self._spent, self.trail = self.index + 1, 0, []
        return True

    def _note(self, reached: bool, seen: Seen) -> None:
        """Remember how far the blocks still had to go when frames were missed."""
        left, _ = gaps(seen, self.frame(-1))
        if reached or left < self.config.block_tolerance:
            self._misses = []
        else:
            self._misses = [*self._misses, left][-self.config.missed :]

    def _reached(self, blocks: float, pusher: float) -> bool:
        config = self.config
        if self.on_last:
            return blocks < config.final_tolerance and pusher < config.final_pusher_tolerance
        return blocks < config.block_tolerance and pusher < config.pusher_tolerance

    def _stalls(self) -> bool:
        steps, trail = self.config.stalled_steps, self.trail
        return len(trail) > steps and bool(
            np.linalg.norm(trail[-1] - trail[-1 - steps]) < self.config.stalled
        )
