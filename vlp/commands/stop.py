"""`vlp stop` and `vlp rearm`: the robot of a run, from another process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import ClassVar

from tyro.conf import Positional

from vlp.durable.names import FILE, ROBOT
from vlp.errors import FolderError


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Stop the robot of a run at once; it stays so, also over restarts, until vlp rearm."""

    uses_torch: ClassVar[bool] = False

    run_folder: Positional[Path]
    """The folder of the run."""
    reason: str = "stopped by the operator"
    """Why."""

    def run(self) -> int:
        from executors.stop import StopLatch

        StopLatch(_robot(self.run_folder)).stop(self.reason)
        print(f"stopped; vlp rearm {quote(str(self.run_folder))} arms it again, vlp resume goes on then")
        return 0


@dataclass(frozen=True, kw_only=True)
class Rearm:
    """Let the robot of a run move again after vlp stop."""

    uses_torch: ClassVar[bool] = False

    run_folder: Positional[Path]
    """The folder of the run."""

    def run(self) -> int:
        from executors.stop import StopLatch

        latch = StopLatch(_robot(self.run_folder))
        print(f"armed again; it was stopped: {reason}" if (reason := latch.stopped) else "it was not stopped")
        latch.rearm()
        return 0


def _robot(run: Path) -> Path:
    """The folder of a run's robot, or of the robot that several runs of one agent share."""
    if not (run / FILE).is_file() and not (run / ROBOT).is_dir():
        raise FolderError(
            f"run folder: expected one that vlp run began, got {str(run)!r} without {FILE}; name such a one"
        )
    return run / ROBOT
