"""The PyBullet tabletop as a robot."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from executors.robot import Observation
from executors.safety.faults import RobotError
from tasks.tabletop.world import board
from tasks.tabletop.world.env import TabletopEnv
from tasks.tabletop.world.layout import Layout


class SimulatedRobot:
    """The PyBullet tabletop as a robot; one `send_action` is one control step of 0.1 s.

    Args:
        instruction: what `info` scores; None for a board without a goal.
        seed: of the board.
        blocks: the blocks in use.
        max_steps: control steps until `truncated`.
        layout: a board to start from instead of the seed's.
    """

    def __init__(
        self,
        instruction: str | None = None,
        *,
        seed: int,
        blocks: Sequence[str] = board.BLOCK_8,
        max_steps: int = board.LONG_MAX_STEPS,
        layout: Layout | None = None,
    ) -> None:
        names = tuple(layout[0]) if layout else blocks
        self.env = TabletopEnv(instruction, blocks=names, max_steps=max_steps)
        self._seed, self._layout = seed, layout
        self._observation: Observation | None = None
        self.info: dict[str, Any] = {}
        self.terminated = self.truncated = False

    def __copy__(self) -> SimulatedRobot:
        return copy.deepcopy(self)  # two on one board would be one robot

    keeps_time = True
    """Time passes for it by its own control steps only, however fast or slow they come."""

    fault: str | None = None
    """A simulated robot has none."""

    @property
    def is_connected(self) -> bool:
        """Whether `connect` was called and `disconnect` not since."""
        return self._observation is not None

    @property
    def observation_features(self) -> dict[str, Any]:
        """Name -> shape of what `get_observation` returns."""
        height, width = self.env.observation_space["rgb"].shape[:2]  # type: ignore[index]
        return {"rgb": (height, width, 3), "effector_translation": (2,), "effector_target_translation": (2,)}

    @property
    def action_features(self) -> dict[str, Any]:
        """Name -> shape of an action."""
        return {"effector_delta": (2,)}

    def connect(self) -> None:
        """Reset the board by the seed."""
        self._observation, self.info = self.env.reset(seed=self._seed, options={"layout": self._layout})
        self.terminated = self.truncated = False

    def _connected(self) -> Observation:
        if self._observation is None:
            raise RobotError("expected a connected robot, got one that is not; call connect() first")
        return self._observation

    def get_observation(self) -> Observation:
        """The newest observation."""
        return self._connected()

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """One control step; returns the change that the workspace allowed, float32 [2] metres."""
        before = self._connected()["effector_target_translation"]
        observation, _, self.terminated, self.truncated, self.info = self.env.step(action)
        self._observation = observation
        return np.asarray(observation["effector_target_translation"] - before, np.float32)

    def view(self, height: int, width: int) -> NDArray[np.uint8]:
        """The scene as it is, larger than the camera sees it, uint8 [height, width, 3]."""
        self._connected()
        return self.env.picture(height, width)

    def restore(self, actions: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Go through these actions [2] in metres from the beginning, as fast as it goes: the simulator gives
        the same board again. What was really sent of each."""
        self.connect()
        return [self.send_action(action) for action in actions]

    def disconnect(self) -> None:
        """Free the simulator."""
        self._observation = None
        self.env.close()
