"""What a robot's own code may raise, and the base of all that holds it, see `executors.faults`."""

from __future__ import annotations

from executors.gate import GateError


class RobotError(RuntimeError):
    """The robot can't do what was asked of it now."""


class HoldError(GateError):
    """No action passes until something is mended."""
