"""Watchdog: a robot whose program has fallen silent is told to stay where it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

from executors.safety.faults import RobotLostError, one_line
from executors.safety.files import WAIT
from executors.safety.safe_robot import SafeRobot


class CommandTimeout:
    """Sends one hold when no action was sent for a while; for robots whose drivers let two threads call.

    `with CommandTimeout(robot, 0.5): ...` runs it in a thread; without one, call `tick` now and then.

    Args:
        robot: the safe robot; the hold goes through its checks.
        seconds: of silence.
        clock: seconds, never runs backwards.
    """

    def __init__(
        self, robot: SafeRobot, seconds: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not 0 < seconds < threading.TIMEOUT_MAX:
            raise ValueError(f"expected seconds above 0, got {seconds}; say how long a silence may last")
        self._robot, self._seconds, self._clock = robot, seconds, clock
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self.fault: str | None = None
        """Why the last hold was refused, in one line."""
        self._begin()

    def _begin(self) -> None:
        self._count, self._since, self._held = self._robot.sent, self._clock(), False

    def tick(self) -> bool:
        """Look once; True when a hold was sent. One that is refused is tried again at the next tick."""
        if self._robot.sent != self._count:
            self._begin()
        if self._held or self._clock() - self._since < self._seconds:
            return False
        try:
            self._robot.send_action(self._robot.still)
        except Exception as error:  # whatever it was, the watch goes on
            self.fault = one_line(error)
            return False
        self._count, self._held, self.fault = self._robot.sent, True, None
        return True

    def start(self) -> None:
        """Watch from now on, in a thread. Raises RuntimeError when it does already."""
        if self._thread is not None:
            raise RuntimeError("expected a watchdog at rest, got one that runs; stop() it first")
        self._begin()
        self._ended.clear()
        self._thread = threading.Thread(target=self._run, name="command timeout", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch; no hold is sent once it returns. Raises RobotLostError where the last one does not
        end: the robot's driver hangs."""
        self._ended.set()
        thread, self._thread = self._thread, None
        if thread is None:
            return
        thread.join(WAIT)
        if thread.is_alive():
            raise RobotLostError(
                f"expected the robot to answer, got nothing for {WAIT:g} s while it was told to stay where "
                "it is; see to its connection"
            )

    def _run(self) -> None:
        while not self._ended.wait(self._seconds / 4):
            self.tick()

    def __enter__(self) -> CommandTimeout:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
