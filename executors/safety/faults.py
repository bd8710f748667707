"""Faults that hold the robot: nothing may be sent until they are mended.

GateError                 executors.safety.gate: this action was refused
└── HoldError             executors.safety.faults: every action is
    ├── StoppedError      a stop is latched: re-arm it
    ├── LeaseError        the operator's lease is another's or has run out: acquire it
    ├── BusyError         an action does not come to its end: see to the process that sends it
    ├── CameraError       the picture can't be relied on: see to the camera
    └── RobotLostError    the robot does not answer: see to its connection
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from executors.safety.gate import GateError


class RobotError(RuntimeError):
    """The robot can't do what was asked of it now."""


class HoldError(GateError):
    """No action passes until something is mended."""


class StoppedError(HoldError):
    """A stop is latched."""


class LeaseError(HoldError):
    """Whoever asks has no lease on the robot."""


class BusyError(HoldError):
    """An action that was begun has not come to its end in time. It may still move the robot."""


class CameraError(HoldError):
    """The newest picture does not show what is there now."""


class RobotLostError(HoldError):
    """The robot does not answer. An action that was being sent may or may not have been carried out."""


@contextmanager
def answering() -> Iterator[None]:
    """Around a call of the robot: what its driver raises becomes RobotLostError."""
    try:
        yield
    except (OSError, RobotError) as error:
        raise RobotLostError(
            f"expected the robot to answer, got {type(error).__name__}: {one_line(error)}; "
            "see to its connection, then connect again"
        ) from error


def one_line(words: object) -> str:
    """Words for an error message: one line of at most 160 characters."""
    return " ".join(str(words).split())[:160]
