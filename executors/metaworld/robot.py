"""Meta-World's simulated arm as a robot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from executors.robot import Observation
from executors.safety.faults import RobotError
from tasks.domain import Limits
from tasks.metaworld.catalog import CAMERAS, SawyerTask
from tasks.metaworld.env import FINGERS, METRES, MOST_STEPS, SIZE, SawyerEnv
from tasks.metaworld.protocol import HOLD

LIMITS: Final = Limits(
    low=(-0.5, 0.4, -0.15, -FINGERS), high=(0.5, 1.0, 0.5, FINGERS), max_step=max(METRES, 2 * FINGERS)
)
"""Of the set point: the hand's place, and the gripper's effort as metres of its fingers."""


def to_action(delta: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float32]:
    """A change of the set point [4] in metres as Meta-World's action [4] in -1..1, from the set point [4]."""
    return np.append(delta[:3] / METRES, (target[3] + delta[3]) / FINGERS).astype(np.float32)


def to_delta(action: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float32]:
    """The way back from `to_action`."""
    wanted = np.clip(action, -1, 1)
    return np.append(wanted[:3] * METRES, wanted[3] * FINGERS - target[3]).astype(np.float32)


class SawyerRobot:
    """One `send_action` is one control step, a change of the set point [4] in metres.

    It counts what the simulator says of the task, but never ends a run by it: whoever drives it sees pictures
    only, and has to know by those when to stop.

    Args:
        task: whose scene is set up and scored.
        seed: of the layout.
        camera: name.
        max_steps: control steps until `truncated`; Meta-World has 500 at most.
    """

    keeps_time = True
    """Time passes for it by its own control steps only."""
    terminated = False
    """Never by the simulator's word."""

    def __init__(
        self,
        task: SawyerTask,
        *,
        seed: int,
        camera: str = CAMERAS[2],
        size: int = SIZE,
        max_steps: int = MOST_STEPS,
    ) -> None:
        self.task, self._seed, self._place = task, seed, (camera, size)
        self._most = min(max_steps, MOST_STEPS)
        self._env: SawyerEnv | None = None
        self._observation: dict[str, Any] = {}
        self._steps = self._run = self._best = 0

    @property
    def is_connected(self) -> bool:
        """Whether `connect` was called and `disconnect` not since."""
        return self._env is not None

    @property
    def observation_features(self) -> dict[str, Any]:
        """Name -> shape of what `get_observation` returns."""
        return {"rgb": (self._place[1], self._place[1], 3), "effector_target_translation": (LIMITS.size,)}

    @property
    def action_features(self) -> dict[str, Any]:
        """Name -> shape of an action."""
        return {"effector_delta": (LIMITS.size,)}

    @property
    def info(self) -> dict[str, Any]:
        """What the simulator says: `best` is the share of `HOLD` steps on end that success was held."""
        best = min(1.0, self._best / HOLD)
        return {"goal": self.task.text, "best": best, "steps": self._steps, "complete": best >= 1}

    @property
    def truncated(self) -> bool:
        """Whether it has no control steps left."""
        return self._steps >= self._most

    def connect(self) -> None:
        """Set up the layout of the seed."""
        self.disconnect()
        self._env = SawyerEnv(self.task.name, self._place[0], size=self._place[1])
        self._observation, _ = self._env.reset(seed=self._seed)
        self._steps = self._run = self._best = 0

    def _connected(self) -> SawyerEnv:
        if self._env is None:
            raise RobotError("expected a connected robot, got one that is not; call connect() first")
        return self._env

    def get_observation(self) -> Observation:
        """The newest observation."""
        self._connected()
        return {
            "rgb": self._observation["rgb"],
            "effector_target_translation": self._observation["target"],
        }

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """One control step; the change of the set point [4] that the arm's bounds allowed, metres."""
        env, before = self._connected(), self._observation["target"]
        self._observation, _, _, _, said = env.step(to_action(np.asarray(action, np.float32), before))
        self._steps += 1
        self._run = self._run + 1 if said["success"] else 0
        self._best = max(self._best, self._run)
        return np.asarray(self._observation["target"] - before, np.float32)

    def view(self, height: int, width: int) -> NDArray[np.uint8]:
        """The scene as it is, larger than it is acted on, uint8 [height, width, 3]."""
        return self._connected().picture(height, width)

    def restore(self, actions: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Go through these actions from the beginning; what was really sent of each."""
        self.connect()
        return [self.send_action(action) for action in actions]

    def disconnect(self) -> None:
        """Free the simulator."""
        if self._env is not None:
            self._env.close()
        self._env = None
