"""A robot that no model can make unsafe: stop, lease, camera and gate stand before every action."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Final

import numpy as np
from numpy.typing import NDArray

from executors.robot import Driver, Observation, Restore
from executors.safety.camera_watch import CameraWatch
from executors.safety.faults import CameraError, HoldError, RobotLostError, answering, one_line
from executors.safety.files import WAIT
from executors.safety.gate import Gate, finite_numbers
from executors.safety.lease import Lease
from executors.safety.stop import StopLatch
from executors.wrapped import WrappedRobot

_COUNTS: Final = {1: "one number", 2: "two numbers"}


class SafeRobot(WrappedRobot):
    """A robot behind its safety layer; itself a Robot.

    Every action is checked against a set point that this layer has read itself since the action before.

    Args:
        robot: the robot; nobody else may send to it.
        latch: its stop.
        gate: the limits.
        lease: the operator's; None where there is only one.
        camera: looks at every observation; None for a robot whose pictures nobody acts on.
        period: seconds of a control step, for a robot on which real time passes: a step that comes sooner
            waits, so that limits a step are limits a second, and what was seen before it may be no older than
            the camera allows. None for a simulated one.
        clock, sleep: seconds.
    """

    def __init__(
        self,
        robot: Driver,
        *,
        latch: StopLatch,
        gate: Gate,
        lease: Lease | None = None,
        camera: CameraWatch | None = None,
        period: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(robot)
        self._latch, self._gate = latch, gate
        self._lease, self._camera = lease, camera
        self._period, self._clock, self._sleep = period, clock, sleep
        self._due = -math.inf
        """When the next step may be sent."""
        self._sends = 0
        self._looking = threading.Lock()
        """Whoever only looks on must not meet whoever acts half way."""
        self._forget()

    def _forget(self) -> None:
        self._seen: tuple[int, float, NDArray[np.float64]] | None = None
        """Of the newest observation: how many actions had been sent when it was asked for, when that was, and
        its set point [A]."""
        self._blind: str | None = None
        """Why the newest observation may not be acted on."""
        self._lost: str | None = None
        """Why the last action may not have arrived."""

    @property
    def still(self) -> NDArray[np.float32]:
        """The action [A] that asks for no change."""
        return np.zeros(self._gate.config.limits.size, np.float32)

    @property
    def sent(self) -> int:
        """Actions that were handed to the robot."""
        return self._sends

    @property
    def fault(self) -> str | None:
        """Why nothing may be sent now, in one line. A stop and a lease are looked up, so that mending them is
        enough; the camera's lasts until an observation is good, the robot's until an action arrives or it is
        connected again. A refused action alone is none."""
        try:
            self._latch.check()
            if self._lease is not None:
                self._lease.check()
        except HoldError as error:
            return str(error)
        return self._lost or self._blind

    def stop(self, reason: str) -> None:
        """Latch a stop, see `StopLatch.stop`; raises what it raises."""
        self._latch.stop(reason)

    def connect(self) -> None:
        """Connect the robot. Raises RobotLostError when it does not answer."""
        self._forget()
        if self._camera is not None:
            self._camera.reset()
        try:
            with answering():
                self.robot.connect()
        except RobotLostError as error:
            self._lost = str(error)
            raise

    @property
    def restore(self) -> Restore | None:
        """See WrappedRobot: a simulator is brought back without the gate, which let these actions pass
        before."""
        inner = super().restore
        if inner is None:
            return None

        def restore(actions: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
            self._forget()
            if self._camera is not None:
                self._camera.reset()
            return inner(actions)

        return restore

    def disconnect(self) -> None:
        """Leave the robot; a stop stays latched."""
        self.robot.disconnect()

    def get_observation(self) -> Observation:
        """The newest observation, the caller's own copy. Raises CameraError or RobotLostError."""
        with self._alone():
            sends, now = self._sends, self._clock()
            try:
                observation = self._read()
                self._seen = sends, now, _set_point(observation, self._gate.config.limits.size)
            except Exception as error:
                self._seen, self._blind = None, str(error)
                raise
            self._blind = None
        return {
            name: value.copy() if isinstance(value, np.ndarray) else value
            for name, value in observation.items()
        }

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else looks meanwhile. Raises RobotLostError where whoever does gets no answer."""
        if not self._looking.acquire(timeout=WAIT):
            raise RobotLostError(
                f"expected the robot to answer, got nothing for {WAIT:g} s; see to its connection, "
                "then connect again"
            )
        try:
            yield
        finally:
            self._looking.release()

    def _read(self) -> Observation:
        if self._camera is not None:
            return self._camera.read(self.robot)
        with answering():
            return self.robot.get_observation()

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """One control step; returns what the robot says was sent, float32 [A] metres.

        Raises GateError for an action that may not be sent, HoldError when none may be; nothing was sent
        then, but for RobotLostError: whether that one arrived is not known.
        """
        with self._latch.sending(), self._lease.sending() if self._lease is not None else nullcontext():
            self._await_turn()
            lawful = self._gate.check(action, self._target())
            self._sends += 1  # before it is sent: whatever comes of it, what was seen is of the past
            self._due = self._clock() + (self._period or 0.0)
            try:
                with answering():
                    sent = self.robot.send_action(lawful)
            except RobotLostError as error:
                self._lost = str(error)
                raise
        self._lost = None
        return sent

    def _await_turn(self) -> None:
        """Wait until a control step has passed since the last one was sent. Raises StoppedError for a stop
        that came meanwhile."""
        if self._period is None:
            return
        while (left := self._due - self._clock()) > 0:
            self._sleep(left)
            self._latch.check()

    def _outdated(self) -> bool:
        """Whether nothing was seen since the last step, or so long ago that the camera may be gone."""
        if self._seen is None or self._seen[0] != self._sends:
            return True
        if self._period is None or self._camera is None:
            return False
        return self._clock() - self._seen[1] > self._camera.config.max_age

    def _target(self) -> NDArray[np.float64]:
        """The set point [A] in metres that the next action starts from."""
        if self._blind is not None:  # the caller must have seen something good since
            raise CameraError(
                f"expected a good observation, got none since: {one_line(self._blind)}; nothing was sent; "
                "get an observation"
            )
        if self._outdated():
            self.get_observation()
        assert self._seen is not None
        return self._seen[2]


def _set_point(observation: Observation, size: int) -> NDArray[np.float64]:
    """A copy of the set point [size], metres."""
    place = finite_numbers(found := observation.get("effector_target_translation"), size)
    if place is None:
        raise RobotLostError(
            f"expected effector_target_translation as {_COUNTS.get(size, f'{size} numbers')} in metres, got "
            f"{one_line(repr(found))}; nothing was sent; see to the robot's driver"
        )
    return place
