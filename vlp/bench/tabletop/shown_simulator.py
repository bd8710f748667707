"""An upper bound on the video model: the simulator itself, shown the state behind each real frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from executors.tabletop.simulated import SimulatedRobot
from planner import Frames
from tasks.tabletop.demos.demonstrator import centers
from tasks.tabletop.language import parse
from tasks.tabletop.world.world import World
from vlp.domains.tabletop.simulator_video import SimulatorVideo


class ShownSimulator(SimulatorVideo):
    """A bound, never a default: it reads the robot's true state, which no camera tells.

    A search begins at the robot's newest picture and the robot stands still meanwhile, so the state now is
    the state that the picture shows.

    Args:
        robot: connected before the first call.
    """

    def __init__(self, robot: SimulatedRobot) -> None:
        super().__init__()
        self._robot = robot

    def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> Frames:
        """Clips uint8 [N, T, H, W, 3] of the oracle, from the real frame or from frames imagined since."""
        self._look()
        return super().imagine(frames, subgoals, seeds)

    def board(self, frame: Frames) -> World:
        """The world that a frame uint8 [H, W, 3] shows, the robot's newest or one imagined since; it is this
        simulator's own, and what is done with it is undone by the next call. Raises KeyError for others."""
        self._look()
        self._world.restore(self._known[frame.tobytes()])
        return self._world

    def _look(self) -> None:
        real = np.asarray(self._robot.get_observation()["rgb"])
        if real.tobytes() not in self._known:
            self._known.clear()  # nothing goes on from the frames of an earlier decision
            self.show(real, self._robot.env.save().world)

    def _clip(self, frame: Frames, text: str, seed: int) -> Frames:
        """As the simulator's, but of a still board where a block that is asked for has fallen off it."""
        known = self._known.get(frame.tobytes())
        if known is not None:
            self._world.restore(known)
            if not set(parse(text).blocks()) <= set(centers(self._world)):
                return np.repeat(frame[None], self._frames, axis=0)
        return super()._clip(frame, text, seed)

    def close(self) -> None:
        """Free its physics client."""
        self._world.close()
