"""Scripted experts that come with Meta-World, and what disturbs them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.metaworld.env import SawyerEnv

Act = Callable[[SawyerEnv], NDArray[np.float32]]
"""The next action [4]."""
REACH: Final = ((-0.3, 0.45, 0.06), (0.3, 0.85, 0.35))
"""Corners of the region, metres, in which play wanders."""


def expert(task: str) -> Act:
    """The script of a task; it reads the simulator's state."""
    from metaworld import policies

    script: Any = getattr(policies, f"Sawyer{task.title().replace('-', '')}V3Policy")()

    def act(env: SawyerEnv) -> NDArray[np.float32]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that actions are clipped
            wanted = script.get_action(env.state.copy())  # some of them write into what they read
        return np.asarray(np.clip(wanted, -1, 1), np.float32)

    return act


@dataclass
class Disturbed:
    """An act that is pushed aside now and then, for some steps, so that recoveries are seen."""

    inner: Act
    rng: np.random.Generator
    rate: float = 0.04
    """Chance a step that a push begins."""
    steps: tuple[int, int] = (3, 9)
    """That it lasts."""

    def __post_init__(self) -> None:
        self._left, self._way = 0, np.zeros(3, np.float32)

    def __call__(self, env: SawyerEnv) -> NDArray[np.float32]:
        action = self.inner(env)
        if not self._left and self.rng.random() < self.rate:
            self._left = int(self.rng.integers(self.steps[0], self.steps[1] + 1))
            self._way = self.rng.uniform(-1, 1, 3).astype(np.float32)
        if self._left:
            self._left -= 1
            action = np.append(self._way, action[3])
        return action


@dataclass
class Wandering:
    """Goes to random places, some of them where things stand, and opens and closes its fingers."""

    rng: np.random.Generator
    near: float = 0.6
    """Share of places that are near the thing of the task."""

    def __post_init__(self) -> None:
        self._goal: NDArray[np.float64] | None = None
        self._left, self._effort = 0, -1.0

    def __call__(self, env: SawyerEnv) -> NDArray[np.float32]:
        if not self._left:
            self._left = int(self.rng.integers(8, 30))
            self._effort = float(self.rng.choice([-1.0, 1.0]))
            self._goal = self.rng.uniform(*REACH)
            if self.rng.random() < self.near:
                self._goal = env.state[4:7] + self.rng.normal(0, 0.05, 3)
        self._left -= 1
        way = np.clip(10 * (np.asarray(self._goal) - env.state[:3]), -1, 1)
        return np.append(way, self._effort).astype(np.float32)
