"""Robot decorator: passes everything on to another robot, for classes that change one thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from executors.robot import Driver, Observation, Restore, View


class WrappedRobot:
    """A whole `Robot` around a driver, call by call. What only some drivers have is passed on where it is
    there; this is the one place that asks."""

    def __init__(self, robot: Driver) -> None:
        self.robot = robot

    @property
    def is_connected(self) -> bool:
        """Whether the robot inside is."""
        return self.robot.is_connected

    @property
    def observation_features(self) -> dict[str, Any]:
        """Name -> shape of what `get_observation` returns."""
        return self.robot.observation_features

    @property
    def action_features(self) -> dict[str, Any]:
        """Name -> shape of an action."""
        return self.robot.action_features

    @property
    def info(self) -> dict[str, Any]:
        """What a simulated robot knows beside what it sees."""
        return dict(getattr(self.robot, "info", {}))

    @property
    def terminated(self) -> bool:
        """Whether a robot that keeps score takes the goal for reached."""
        return bool(getattr(self.robot, "terminated", False))

    @property
    def truncated(self) -> bool:
        """Whether a robot that counts steps has none left."""
        return bool(getattr(self.robot, "truncated", False))

    @property
    def fault(self) -> str | None:
        """Why nothing may be sent, where the robot inside says so."""
        return getattr(self.robot, "fault", None)

    @property
    def keeps_time(self) -> bool:
        """Whether time passes for the robot inside by its control steps only, as for a simulated one."""
        return bool(getattr(self.robot, "keeps_time", False))

    @property
    def restore(self) -> Restore | None:
        """Brings a simulated robot to where a list of actions [A] in metres leads from its beginning; gives
        what was really sent of each. None for any other robot."""
        return getattr(self.robot, "restore", None)

    @property
    def view(self) -> View | None:
        """Draws the scene of a simulated robot as it is at a height and width in pixels, uint8 [H, W, 3].
        None for any other robot."""
        return getattr(self.robot, "view", None)

    def connect(self) -> None:
        """Connect the robot inside."""
        self.robot.connect()

    def get_observation(self) -> Observation:
        """The newest observation."""
        return self.robot.get_observation()

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """Pass a set-point change [A] in metres on; what was really sent."""
        return self.robot.send_action(action)

    def disconnect(self) -> None:
        """Let go of the robot inside."""
        self.robot.disconnect()


class UnscoredRobot(WrappedRobot):
    """A robot that does not say how well it goes, as hardware."""

    @property
    def info(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    @property
    def terminated(self) -> bool:
        """Never: nobody says so."""
        return False


class ReseenRobot(UnscoredRobot):
    """One whose pictures are corrected before anybody sees them.

    Args:
        robot: the one inside.
        correct: from a picture uint8 [H, W, 3] to another one.
    """

    def __init__(self, robot: Driver, correct: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> None:
        super().__init__(robot)
        self._correct = correct

    def get_observation(self) -> Observation:
        """The newest observation, its picture corrected."""
        seen = super().get_observation()
        return {**seen, "rgb": self._correct(seen["rgb"])}
