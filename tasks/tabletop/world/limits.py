"""The limits of the tabletop's set point."""

from __future__ import annotations

from typing import Final

from tasks.domain import Limits
from tasks.tabletop.world import board

LIMITS: Final = Limits(
    low=(board.EFFECTOR_X[0], board.EFFECTOR_Y[0]),
    high=(board.EFFECTOR_X[1], board.EFFECTOR_Y[1]),
    max_step=board.MAX_DELTA,
    control_hz=board.CONTROL_HZ,
)
