"""Robots by LeRobot's method names; the simulated one drives the tabletop environment."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Observation = dict[str, Any]


class Robot(Protocol):
    """What the runtime needs of a robot. Pictures are uint8 [H, W, 3], places float32 [2] metres."""

    @property
    def is_connected(self) -> bool: ...

    @property
    def observation_features(self) -> dict[str, Any]: ...

    @property
    def action_features(self) -> dict[str, Any]: ...

    def connect(self) -> None: ...

    def get_observation(self) -> Observation: ...

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """Send a set-point change [2] in metres, the next control step's of 0.1 s; returns what was really
        sent. It may return at once: the safety layer keeps time, but for robots that say `keeps_time`."""
        ...

    def disconnect(self) -> None: ...
