"""Watcher: whoever follows a run in the place of the terminal, such as the console."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from executors.robot import Observation, Robot
from executors.wrapped import WrappedRobot
from planner import Search
from vlp.agent.approval import Answer
from vlp.agent.parts import Parts
from vlp.events.types import Event


class Watcher(Protocol):
    """Follows one run. All is called from the thread that runs it."""

    def began(self, folder: Path) -> None:
        """The run lies in this folder."""
        ...

    def __call__(self, event: Event) -> None:
        """Something happened."""
        ...

    def on_event(self, kind: str, details: dict[str, object]) -> None:
        """How far a search is, see `planner.search`."""
        ...

    def seen(self, observation: Observation) -> None:
        """What the robot sees now. May raise HoldError: nothing more is sent then."""
        ...

    def ask(self, decision: int, found: Search) -> Answer | None:
        """What an operator says of a plan; None: nothing, the run waits in its folder."""
        ...


class Onlooker(Protocol):
    """Is told of a run, and asked nothing. All is called from the thread that runs it."""

    def __call__(self, event: Event) -> None:
        """Something happened."""
        ...

    def on_event(self, kind: str, details: dict[str, object]) -> None:
        """How far a search is, see `planner.search`."""
        ...


Follow = Callable[[Parts, Path], AbstractContextManager[Watcher]]
"""Who follows a run with these parts, in this folder, until the block is left."""


class WatchedRobot(WrappedRobot):
    """A robot whose observations someone else sees too."""

    def __init__(self, robot: Robot, seen: Callable[[Observation], None]) -> None:
        super().__init__(robot)
        self._told = seen

    def get_observation(self) -> Observation:
        """The newest observation."""
        observation = super().get_observation()
        self._told(observation)
        return observation
