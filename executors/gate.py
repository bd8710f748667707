"""The last thing before the robot: refuses actions that are not finite, too large or out of bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks import board


class GateError(ValueError):
    """An action that was refused; the robot has not moved."""


@dataclass(frozen=True)
class GateConfig:
    """What passes."""

    max_delta: float = board.MAX_DELTA
    """Metres a control step in each axis."""
    x: tuple[float, float] = board.EFFECTOR_X
    y: tuple[float, float] = board.EFFECTOR_Y
    """Where the set point may go, metres."""
    slack: float = 0.02
    """How far beyond the bounds a set point is still brought back in rather than refused, metres."""


class Gate:
    """Checks actions against the set point they start from."""

    def __init__(self, config: GateConfig | None = None) -> None:
        self.config = config or GateConfig()

    def check(
        self, action: NDArray[np.float32], target: Sequence[float] | NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """The action [2] in metres that may be sent; the set point stays in the workspace.

        Raises GateError for a wrong shape, NaN or infinity, a step over the limit, or a set point
        clearly out of the workspace.
        """
        config = self.config
        wanted = np.asarray(action, np.float64)
        if wanted.shape != (2,) or not np.isfinite(wanted).all():
            raise GateError(f"expected two finite numbers in metres, got {action!r:.80}; nothing was sent")
        if np.abs(wanted).max() > config.max_delta + 1e-6:
            raise GateError(
                f"expected a step of at most {config.max_delta} m, got {np.abs(wanted).max():.3f} m; "
                "nothing was sent"
            )
        low, high = np.array([config.x[0], config.y[0]]), np.array([config.x[1], config.y[1]])
        goal = np.asarray(target, np.float64) + wanted
        inside = np.clip(goal, low, high)
        if np.abs(goal - inside).max() > config.slack:
            raise GateError(
                f"expected a set point in x {config.x}, y {config.y} m, got {goal.round(3).tolist()}; "
                "nothing was sent"
            )
        return np.asarray(inside - np.asarray(target), np.float32)

    def keep_in(
        self, action: NDArray[np.float32], target: Sequence[float] | NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """The action [2] in metres cut short where the workspace ends. For callers that would rather stop at
        the border than be refused; every other fault is left for `check`."""
        low, high = zip(self.config.x, self.config.y, strict=True)
        return np.asarray(np.clip(np.asarray(target) + action, low, high) - np.asarray(target), np.float32)
