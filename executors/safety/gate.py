"""Action gate, the last before the robot: refuses actions that are not finite, too large or out of bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from executors.safety.keep_out import Rectangle, breaks_in, check_rectangle
from tasks.tabletop.world import board


class GateError(ValueError):
    """An action that was refused; the robot has not moved."""


@dataclass(frozen=True)
class GateConfig:
    """What passes. Raises ValueError for a speed that is not positive and for corners in the wrong order."""

    max_delta: float = board.MAX_DELTA
    """Metres a control step in each axis."""
    x: tuple[float, float] = board.EFFECTOR_X
    y: tuple[float, float] = board.EFFECTOR_Y
    """Where the set point may go, metres."""
    slack: float = 0.02
    """How far beyond the bounds a set point is still brought back in rather than refused, metres."""
    max_speed: float | None = None
    """Metres a second along the way; None for no limit but `max_delta`."""
    keep_out: tuple[Rectangle, ...] = ()
    """(low corner, high corner) in metres that the set point neither enters nor crosses. They bound the set
    point: leave room for the pusher's radius. From within, a step may lead anywhere but deeper."""

    def __post_init__(self) -> None:
        if self.max_speed is not None and not 0 < self.max_speed < math.inf:
            raise ValueError(f"expected a speed above 0 m/s, got {self.max_speed}; leave it out for no limit")
        for rectangle in self.keep_out:
            check_rectangle(rectangle)


class Gate:
    """Checks actions against the set point they start from."""

    def __init__(self, config: GateConfig | None = None) -> None:
        self.config = config or GateConfig()

    def check(
        self, action: NDArray[np.float32], target: Sequence[float] | NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """The action [2] in metres that may be sent; the set point stays in the workspace.

        Raises GateError for a wrong shape, NaN or infinity, a step over the limit, a set point clearly out
        of the workspace, or a way into a rectangle to keep out of.
        """
        wanted, start = two_numbers(action), two_numbers(target)
        if wanted is None:
            raise GateError(f"expected two finite numbers in metres, got {_shown(action)}; nothing was sent")
        if start is None:
            raise GateError(f"expected a finite set point in metres, got {_shown(target)}; nothing was sent")
        self._check_size(wanted)
        config = self.config
        low, high = np.array([config.x[0], config.y[0]]), np.array([config.x[1], config.y[1]])
        goal = start + wanted
        inside = np.clip(goal, low, high)
        if np.abs(goal - inside).max() > config.slack:
            raise GateError(
                f"expected a set point in x {config.x}, y {config.y} m, got {goal.round(3).tolist()}; "
                "nothing was sent"
            )
        # From a set point outside, being brought back in may add to a step that was as long as may be.
        lawful = self.slow(np.asarray(inside - start, np.float32))
        self._check_way(start, start + lawful)
        return lawful

    def _check_size(self, wanted: NDArray[np.float64]) -> None:
        config = self.config
        if np.abs(wanted).max() > config.max_delta + 1e-6:
            raise GateError(
                f"expected a step of at most {config.max_delta} m, got {np.abs(wanted).max():.3f} m; "
                "nothing was sent"
            )
        speed = _speed(wanted)
        if config.max_speed is not None and speed > config.max_speed + 1e-6:
            raise GateError(
                f"expected at most {config.max_speed} m a second, got {speed:.3f}; "
                "nothing was sent; slow it down"
            )

    def _check_way(self, start: NDArray[np.float64], end: NDArray[np.float64]) -> None:
        for low, high in self.config.keep_out:
            if breaks_in(start.tolist(), end.tolist(), (low, high)):
                raise GateError(
                    f"expected a way clear of {low} to {high} m, got one to {end.round(3).tolist()}; "
                    "nothing was sent; go round"
                )

    def slow(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """The action [2] in metres, shortened to `max_delta` and `max_speed` in the direction it has. For
        callers that would rather go slowly than be refused; every other fault is left for `check`."""
        wanted = two_numbers(action)
        if wanted is None:
            return action
        largest, config = float(np.abs(wanted).max()), self.config
        if largest > config.max_delta + 1e-6:
            wanted = wanted / largest * config.max_delta
        if config.max_speed is not None and _speed(wanted) > config.max_speed + 1e-6:
            wanted = wanted * (config.max_speed / _speed(wanted))
        return np.asarray(wanted, np.float32)

    def keep_in(
        self, action: NDArray[np.float32], target: Sequence[float] | NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """The action [2] in metres cut short where the workspace ends. For callers that would rather stop at
        the border than be refused; every other fault is left for `check`."""
        low, high = zip(self.config.x, self.config.y, strict=True)
        return np.asarray(np.clip(np.asarray(target) + action, low, high) - np.asarray(target), np.float32)


def two_numbers(value: Any) -> NDArray[np.float64] | None:
    """A copy of two finite numbers [2], or None for anything else."""
    try:
        numbers = None if np.iscomplexobj(value) else np.array(value, np.float64)
    except Exception:  # whatever a stranger's object raises when it is looked at
        return None
    return numbers if numbers is not None and numbers.shape == (2,) and np.isfinite(numbers).all() else None


def _speed(step: NDArray[np.float64]) -> float:
    """Metres a second of a step [2] in metres."""
    return math.hypot(*step.tolist()) * board.CONTROL_HZ


def _shown(value: object) -> str:
    try:
        return f"{' '.join(line.strip() for line in repr(value).splitlines()):.80}"
    except Exception:
        return f"a {type(value).__name__}"
