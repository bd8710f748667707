"""Robots by LeRobot's method names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Observation = dict[str, Any]
Restore = Callable[[Sequence[NDArray[np.float32]]], list[NDArray[np.float32]]]
View = Callable[[int, int], NDArray[np.uint8]]


class Driver(Protocol):
    """What is needed of a robot's driver, by LeRobot's names. Pictures are
    uint8 [H, W, 3], places float32 [A] metres."""

    @property
    def is_connected(self) -> bool: ...

    @property
    def observation_features(self) -> dict[str, Any]: ...

    @property
    def action_features(self) -> dict[str, Any]: ...

    def connect(self) -> None: ...

    def get_observation(self) -> Observation: ...

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """Send a set-point change [A] in metres, the next control step's of 0.1 s; returns what was really
        sent. It may return at once: the safety layer keeps time, but for robots that say `keeps_time`."""
        ...

    def disconnect(self) -> None: ...


class Robot(Driver, Protocol):
    """A robot as the agent drives it: a driver with all that only some drivers have, else what stands for it;
    see `executors.wrapped.WrappedRobot`, which makes one of a driver."""

    @property
    def info(self) -> dict[str, Any]:
        """What a simulated robot knows beside what it sees; {} for any other."""
        ...

    @property
    def terminated(self) -> bool:
        """Whether a robot that keeps score takes the goal for reached."""
        ...

    @property
    def truncated(self) -> bool:
        """Whether a robot that counts steps has none left."""
        ...

    @property
    def fault(self) -> str | None:
        """Why nothing may be sent."""
        ...

    @property
    def keeps_time(self) -> bool:
        """Whether time passes for it by its control steps only."""
        ...

    @property
    def restore(self) -> Restore | None:
        """Brings a simulated robot to where actions [A] lead from its beginning; what was really sent."""
        ...

    @property
    def view(self) -> View | None:
        """Draws the scene of a simulated robot at a height and width, uint8 [H, W, 3]."""
        ...
