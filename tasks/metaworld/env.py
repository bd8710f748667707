"""One task before one camera as a Gymnasium environment; a layout is a function of its seed."""

from __future__ import annotations

from typing import Any, Final

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from tasks.metaworld.available import check
from tasks.metaworld.catalog import BY_NAME, CAMERAS
from tasks.metaworld.renderer import SawyerCameras

SIZE: Final = 128
"""Pixels a side of a picture."""
MOST_STEPS: Final = 500
"""Of an episode: Meta-World goes no further."""
METRES: Final = 0.01
"""That the hand's set point goes for an action of 1."""
FINGERS: Final = 0.005
"""Metres that stand for the full effort of the gripper, so that its set point is one beside the hand's."""


class SawyerEnv(gymnasium.Env[dict[str, Any], NDArray[np.float32]]):
    """Meta-World's environment of a task, with pictures.

    Actions are Meta-World's own, float32 [4] in -1..1: the hand's way in x, y, z, and the gripper's effort.
    Observations: "rgb" uint8 [size, size, 3]; "hand" float32 [4], where the hand is (metres) and how far the
    gripper is open (0..1); "target" float32 [4], the set point in metres. The reward is Meta-World's; info
    has "success". An episode is not `terminated` by success, only truncated.

    Args:
        task, camera: names of the catalog; ValueError for others. `camera` may be set to another one later:
            an environment takes 100 MB of memory.
        size: pixels a side.
        fast: see SawyerCameras.
        pictures: False: "rgb" is black, and nothing is drawn.

    Raises SawyerUnavailable.
    """

    def __init__(
        self,
        task: str,
        camera: str = CAMERAS[2],
        *,
        size: int = SIZE,
        fast: bool = True,
        pictures: bool = True,
    ) -> None:
        if task not in BY_NAME or camera not in CAMERAS:
            known = f"a task of {', '.join(BY_NAME)} and a camera of {', '.join(CAMERAS)}"
            raise ValueError(f"expected {known}, got {task!r:.40} and {camera!r:.40}")
        check()
        from metaworld.env_dict import ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE as ENVIRONMENTS

        self.task, self.camera, self.size = BY_NAME[task], camera, size
        self.inner: Any = ENVIRONMENTS[f"{task}-v3-goal-observable"]()
        self._cameras = SawyerCameras(self.inner.model, fast=fast) if pictures else None
        self.state: NDArray[np.float64] = np.zeros(39)
        """Meta-World's own observation, which its scripted experts read and nobody else."""
        self._effort = 0.0
        self.action_space = spaces.Box(-1, 1, (4,), np.float32)
        self.observation_space = spaces.Dict(
            {
                "rgb": spaces.Box(0, 255, (size, size, 3), np.uint8),
                "hand": spaces.Box(-2, 2, (4,), np.float32),
                "target": spaces.Box(-2, 2, (4,), np.float32),
            }
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Set up the layout of a seed (None: 0)."""
        super().reset(seed=seed)
        self.inner._freeze_rand_vec, self.inner.seeded_rand_vec = False, True
        self.inner.seed(seed or 0)
        self.state, _ = self.inner.reset()
        self._effort = -1.0  # with which Meta-World opens the gripper
        return self.observation(), {"success": False}

    def step(self, action: NDArray[np.float32]) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """One control step. Raises ValueError for an action of another shape, or after the last step."""
        wanted = np.asarray(action, np.float32)
        if wanted.shape != (4,) or not np.isfinite(wanted).all():
            raise ValueError(f"expected an action of 4 finite numbers, got {action!r:.60}")
        wanted = np.clip(wanted, -1, 1)
        self.state, reward, _, truncated, info = self.inner.step(wanted)
        self._effort = float(wanted[3])
        return self.observation(), float(reward), False, bool(truncated), {"success": bool(info["success"])}

    def observation(self) -> dict[str, Any]:
        """What is seen and measured now."""
        return {
            "rgb": self.picture(self.size, self.size),
            "hand": self.state[:4].astype(np.float32),
            "target": np.append(self.inner.data.mocap_pos[0], self._effort * FINGERS).astype(np.float32),
        }

    def picture(self, height: int, width: int) -> NDArray[np.uint8]:
        """What the camera shows, uint8 [height, width, 3]."""
        if self._cameras is None:
            return np.zeros((height, width, 3), np.uint8)
        return self._cameras.picture(self.inner.data, self.camera, height, width)

    @property
    def bounds(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Corners of the region, metres, in which the hand's set point stays in this task."""
        return tuple(map(float, self.inner.mocap_low)), tuple(map(float, self.inner.mocap_high))

    def close(self) -> None:
        """Free the picture's memory."""
        if self._cameras is not None:
            self._cameras.close()
            self._cameras = None
