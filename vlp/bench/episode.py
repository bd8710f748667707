"""One episode: what it is, and how it is run without a run folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from executors.robot import Driver
from vlp.agent.parts import Parts
from vlp.bench.code import code_digest
from vlp.bench.line import MEASURED, Line
from vlp.bench.methods import Method
from vlp.bench.names import Stop
from vlp.bench.stops import ObservedRobot, ScoringRobot
from vlp.events.types import Events
from vlp.record.folder import Mark, RunFolder
from vlp.settings import Settings


class NoFolder:
    """Takes what a run folder takes and keeps none of it."""

    def save_decision(self, number: int, found: object, seconds: float) -> None: ...

    def save_acted(self, acted: object, number: int) -> None: ...

    position = 0

    def mark(self) -> Mark:
        return Mark()

    def add_frame(self, rgb: NDArray[np.uint8], view: object = None) -> int:
        return 0


@dataclass(frozen=True)
class Episode(ABC):
    """One method on one board; a world says which robot stands before it, and with which parts."""

    method: str
    """Its name; says which parts the agent has. How wide it searches stands in `settings`."""
    task: str
    """The name under which its results are gathered."""
    instruction: str
    seed: int
    """Of the board."""
    settings: Settings
    stop: Stop = "own"

    @property
    @abstractmethod
    def approach(self) -> Method:
        """How the agent is put together."""

    @abstractmethod
    def build(self, weights: Path) -> Parts:
        """The trained parts, from a weights folder, for its device and sampling steps; a worker keeps them
        between episodes."""

    @abstractmethod
    def robot(self, max_steps: int) -> ScoringRobot:
        """The robot before its board, not connected yet; the episode is over after `max_steps` control
        steps."""

    @property
    def runs_on(self) -> tuple[str, ...]:
        """Parts of the weights folder."""
        return self.approach.runs_on

    def head(self, weights: str) -> Line:
        """The part of its line that is known before it is run; `weights`: a digest of their hashes."""
        return {
            "method": self.method,
            "task": self.task,
            "instruction": self.instruction,
            "seed": self.seed,
            "settings": self.settings.as_dict(),
            "weights": weights,
            "stop": self.stop,
            "code": code_digest(),
        }

    def measure(self, parts: Parts) -> Line:
        """What is measured of it."""
        return run(self, parts)


def run(episode: Episode, parts: Parts) -> Line:
    """Run one episode; what was measured of it."""
    robot = episode.robot(episode.settings.max_control_steps)
    watched = ObservedRobot(robot)
    seen: Driver = watched if episode.stop == "own" else robot
    try:
        method = episode.approach
        with method.parts(parts, robot, episode.settings.seed) as own:
            folder = cast("RunFolder", NoFolder())
            agent = method.agent(own, seen, episode.settings, events=Events(), folder=folder)
            result = agent.run(episode.instruction)
        told = watched.measured(result["reason"]) if episode.stop == "own" else {}
    finally:
        robot.disconnect()
    return {name: result[name] for name in MEASURED} | told
