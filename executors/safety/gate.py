"""Action gate, the last before the robot: refuses actions that are not finite, too large or out of bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from executors.safety.keep_out import Rectangle, breaks_in, check_rectangle
from tasks.domain import Limits

AXES: Final = "xyz"
_UNITS: Final = {"m": "metres"}
COUNTS: Final = {1: "a finite number", 2: "two finite numbers", 3: "three finite numbers"}


class GateError(ValueError):
    """An action that was refused; the robot has not moved."""


@dataclass(frozen=True)
class GateConfig:
    """What passes. Raises ValueError for a speed that is not positive and for corners in the wrong order."""

    limits: Limits
    """How far a step goes, and where the set point may."""
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

    def __init__(self, config: GateConfig) -> None:
        self.config = config

    def check(
        self, action: NDArray[np.float32], target: Sequence[float] | NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """The action [A] in metres that may be sent; the set point stays in the workspace.

        Raises GateError for a wrong shape, NaN or infinity, a step over the limit, a set point clearly out
        of the workspace, or a way into a rectangle to keep out of.
        """
        limits = self.config.limits
        unit = _UNITS.get(limits.unit, limits.unit)
        wanted, start = finite_numbers(action, limits.size), finite_numbers(target, limits.size)
        if wanted is None:
            count = COUNTS.get(limits.size, str(limits.size))
            raise GateError(f"expected {count} in {unit}, got {_shown(action)}; nothing was sent")
        if start is None:
            raise GateError(f"expected a finite set point in {unit}, got {_shown(target)}; nothing was sent")
        self._check_size(wanted)
        goal = start + wanted
        inside = np.clip(goal, limits.low, limits.high)
        if np.abs(goal - inside).max() > self.config.slack:
            raise GateError(
                f"expected a set point in {_bounds(limits)} {limits.unit}, got {goal.round(3).tolist()}; "
                "nothing was sent"
            )
        # From a set point outside, being brought back in may add to a step that was as long as may be.
        lawful = self.slow(np.asarray(inside - start, np.float32))
        self._check_way(start, start + lawful)
        return lawful

    def _check_size(self, wanted: NDArray[np.float64]) -> None:
        config, limits = self.config, self.config.limits
        over = np.abs(wanted) - limits.most
        if over.max() > 1e-6:
            axis, unit = int(over.argmax()), limits.unit
            where = f" of {limits.names[axis]}" if limits.names else ""
            raise GateError(
                f"expected a step{where} of at most {limits.most[axis]} {unit}, "
                f"got {abs(wanted[axis]):.3f} {unit}; nothing was sent"
            )
        speed = self._speed(wanted)
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
        """The action [A] in metres, cut to the longest step and `max_speed` in the direction it has. For
        callers that would rather go slowly than be refused; every other fault is left for `check`."""
        config, limits = self.config, self.config.limits
        wanted = finite_numbers(action, limits.size)
        if wanted is None:
            return action
        if (np.abs(wanted) - limits.most).max() > 1e-6:
            share = wanted / np.abs(wanted).max()  # first, since numbers may be as large as there are
            moving = share != 0
            wanted = share * (np.array(limits.most)[moving] / np.abs(share[moving])).min()
        if config.max_speed is not None and self._speed(wanted) > config.max_speed + 1e-6:
            wanted = wanted * (config.max_speed / self._speed(wanted))
        return np.asarray(wanted, np.float32)

    def keep_in(
        self, action: NDArray[np.float32], target: Sequence[float] | NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """The action [A] in metres cut short where the workspace ends. For callers that would rather stop at
        the border than be refused; every other fault is left for `check`."""
        low, high = self.config.limits.low, self.config.limits.high
        return np.asarray(np.clip(np.asarray(target) + action, low, high) - np.asarray(target), np.float32)

    def _speed(self, step: NDArray[np.float64]) -> float:
        """Metres a second of a step [A] in metres."""
        return math.hypot(*step.tolist()) * self.config.limits.control_hz


def finite_numbers(value: Any, size: int | None = None) -> NDArray[np.float64] | None:
    """A copy of finite numbers [size] (None: of any number of them), or None for anything else."""
    try:
        numbers = None if np.iscomplexobj(value) else np.array(value, np.float64)
    except Exception:  # whatever a stranger's object raises when it is looked at
        return None
    if (
        numbers is None
        or numbers.ndim != 1
        or size not in (None, len(numbers))
        or not np.isfinite(numbers).all()
    ):
        return None
    return numbers


def _bounds(limits: Limits) -> str:
    """In words: "x (0.1, 0.2), y (0.3, 0.4)"."""
    names: Sequence[str] = AXES if limits.size <= len(AXES) else [str(n) for n in range(limits.size)]
    names = limits.names or names
    pairs = zip(names, limits.low, limits.high, strict=False)
    return ", ".join(f"{name} ({low}, {high})" for name, low, high in pairs)


def _shown(value: object) -> str:
    try:
        return f"{' '.join(line.strip() for line in repr(value).splitlines()):.80}"
    except Exception:
        return f"a {type(value).__name__}"
