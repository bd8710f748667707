"""`vlp stop` and `vlp rearm`: the robot of a run, from another process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import ClassVar

from tyro.conf import Positional

from vlp.durable.names import FILE, ROBOT
from vlp.errors import FolderError, HeldError


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Stop the robot of a run at once; it stays so, also over restarts, until vlp rearm."""

    uses_torch: ClassVar[bool] = False

    run_folder: Positional[Path]
    """The folder of the run."""
    reason: str = "stopped by the operator"
    """Why."""

    def run(self) -> int:
        """Says at once that the stop holds, and then how the action under way has ended. Raises HeldError
        where it does not end."""
        from executors.safety.faults import HoldError
        from executors.safety.stop import StopLatch

        latch = StopLatch(_robot(self.run_folder))
        latch.announce(self.reason)
        print("stopped: no action is begun any more; waiting for the one under way to end", flush=True)
        try:
            latch.stop(self.reason)
        except HoldError as error:
            raise HeldError(str(error)) from error
        print(f"it has ended; vlp rearm {quote(str(self.run_folder))} arms it again, vlp resume goes on then")
        return 0


@dataclass(frozen=True, kw_only=True)
class Rearm:
    """Let the robot of a run move again after vlp stop."""

    uses_torch: ClassVar[bool] = False

    run_folder: Positional[Path]
    """The folder of the run."""

    def run(self) -> int:
        """Raises HeldError while an action under way does not end."""
        from executors.safety.faults import HoldError
        from executors.safety.stop import StopLatch

        latch = StopLatch(_robot(self.run_folder))
        reason = latch.stopped
        try:
            latch.rearm()
        except HoldError as error:
            raise HeldError(str(error)) from error
        print(f"armed again; it was stopped: {reason}" if reason else "it was not stopped")
        return 0


def _robot(run: Path) -> Path:
    """The folder of a run's robot, or of the robot that several runs of one agent share."""
    if not (run / FILE).is_file() and not (run / ROBOT).is_dir():
        raise FolderError(
            f"run folder: expected one that vlp run began, got {str(run)!r} without {FILE}; name such a one"
        )
    return run / ROBOT
