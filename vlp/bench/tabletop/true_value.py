"""An upper bound on the value: the demonstrator plays each frame to its end, and its steps are counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from planner import Frames, StepsToGo
from tasks.tabletop.demos.demonstrator import centers, run_long, run_push
from tasks.tabletop.goals import LongTask
from tasks.tabletop.goals.goal import long_task
from tasks.tabletop.seeing.encoder import PoseProbe
from tasks.tabletop.seeing.slots import ORDERS, PUSHER, places
from tasks.tabletop.world.board import BLOCK_8, KINDS
from tasks.tabletop.world.layout import Layout
from tasks.tabletop.world.world import World

MOST = 600
"""Control steps told for a frame from which the demonstrator does not complete the task in so many."""
ATTEMPTS = 3
"""Runs of the demonstrator, which draws its pushes, before a frame counts as one of those."""


class TrueValue:
    """A bound, never a default: it simulates from the places that the probe sees, with a script that was
    written for each long task. Slow: some hundred control steps of simulation a frame. For boards of BLOCK_8.

    Args:
        probe: tells where the blocks are, and how they are turned.
    """

    def __init__(self, probe: PoseProbe) -> None:
        self._probe, self._world = probe, World()
        self._known: dict[tuple[str, bytes], int] = {}

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """The demonstrator's control steps from each of `frames` uint8 [N, H, W, 3], spread 0.

        Raises ValueError for a goal that is no long task: there is no demonstrator for it.
        """
        task = long_task(goal)
        if task is None:
            raise ValueError(f"goal: expected a long task, got {goal!r:.80}; this bound knows no other")
        counts = [self._steps(task, slots) for slots in self._probe.encoder.see(frames)]
        return StepsToGo(np.array(counts, np.float32), np.zeros(len(counts), np.float32))

    def _steps(self, task: LongTask, slots: NDArray[np.float32]) -> int:
        key = (task.instruction, slots.tobytes())
        if key not in self._known:
            self._known[key] = self._play(task, board_of(slots))
        return self._known[key]

    def _play(self, task: LongTask, layout: Layout) -> int:
        if len(layout[0]) < len(BLOCK_8):
            return MOST  # every block has its share in a long task: without one it can't be completed
        counts = (self._attempt(task, layout, seed) for seed in range(ATTEMPTS))
        return next((count for count in counts if count is not None), MOST)

    def _attempt(self, task: LongTask, layout: Layout, seed: int) -> int | None:
        """Control steps of one run to the end, or None where it is not completed in MOST."""
        world, rng, steps = self._world, np.random.default_rng(seed), 0
        world.clear()
        world.place(*layout)
        world.step(world.target)
        for push in run_long(world, task, rng, MOST):
            for _ in run_push(world, push, rng):
                steps += 1
                if steps >= MOST:
                    return None
        return steps if task.reward(centers(world), world.names) >= 1.0 else None

    def close(self) -> None:
        """Free its physics client."""
        self._world.close()


def board_of(slots: NDArray[np.float32]) -> Layout:
    """Slots [17, 5] as blocks at (x, y, yaw) and the pusher at (x, y), metres and radians."""
    where = places(slots)
    yaws = np.arctan2(slots[:PUSHER, 4], slots[:PUSHER, 3]) / ORDERS
    blocks = {
        name: (float(where[i, 0]), float(where[i, 1]), float(yaws[i]))
        for i, name in enumerate(KINDS)
        if slots[i, 0] > 0.5
    }
    return blocks, (float(where[PUSHER, 0]), float(where[PUSHER, 1]))
