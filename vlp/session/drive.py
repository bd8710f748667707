"""Drive: a robot that is ours alone for as long as we drive it, behind its safety layer."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from executors.robot import Driver
from executors.safety.camera_watch import CameraConfig, CameraWatch, View
from executors.safety.faults import BusyError, HoldError
from executors.safety.gate import Gate, GateConfig
from executors.safety.lease import Lease, LeaseStore
from executors.safety.safe_robot import SafeRobot
from executors.safety.stop import StopLatch
from executors.wrapped import WrappedRobot
from tasks.domain import Limits
from vlp.errors import HeldError

SECONDS: Final = 30.0
"""That a lease lasts when nobody renews it."""
LOOK: Final = 2.0
"""Seconds that an action under way is waited for, where only its end is asked for."""
_NAME: Final = "process "


@contextmanager
def driven(
    robot: Driver, folder: Path, limits: Limits, view: View | None = None, camera: CameraConfig | None = None
) -> Iterator[SafeRobot]:
    """The robot behind its gate, stop, camera watch and a lease, which is renewed until the block is left.

    folder: of the robot; every process that drives it names the same. limits: of its set point.
    view: knows what its camera should show; None where nobody does. camera: what counts as its fault.
    Raises HeldError where another process drives it.
    """
    try:
        lease = _leased(LeaseStore(folder))
    except HoldError as error:
        raise HeldError(str(error)) from error
    over = threading.Event()
    keeper = threading.Thread(target=_renew, args=(lease, over), daemon=True)
    keeper.start()
    try:
        own_time = WrappedRobot(robot).keeps_time
        yield SafeRobot(
            robot, latch=StopLatch(folder), gate=Gate(GateConfig(limits)), lease=lease,
            camera=CameraWatch(camera, view=view), period=None if own_time else 1 / limits.control_hz,
        )  # fmt: skip
    finally:
        over.set()
        keeper.join()  # it waits for nothing without end
        with suppress(HoldError):
            lease.release()


@contextmanager
def held() -> Iterator[None]:
    """What holds the robot, as a HeldError in its own words."""
    try:
        yield
    except HoldError as error:
        raise HeldError(str(error)) from error


def is_free(folder: Path) -> bool:
    """Whether no process drives the robot of this folder; one whose lease can't be read counts as driven."""
    try:
        check_free(folder, wait=0.0)
    except HeldError:
        return False
    return True


def check_free(folder: Path, *, wait: float = LOOK) -> None:
    """Raises HeldError where another process drives the robot of this folder, or hangs in an action of it,
    also after its lease has run out: its files are not to be touched then. wait: seconds for an action to
    end."""
    if driver := _driver(folder):
        raise HeldError(
            f"expected a robot that is free, got one that {driver} drives; nothing was changed; "
            "wait, or vlp stop it"
        )
    try:
        with LeaseStore(folder).locked(wait):
            pass
    except HoldError as error:
        raise HeldError(str(error)) from error


def stop(folder: Path, reason: str) -> None:
    """Stop the robot of a folder, see StopLatch.stop. Raises HeldError where the action under way does not
    end, though no other is begun."""
    try:
        StopLatch(folder).stop(reason)
    except HoldError as error:
        raise HeldError(str(error)) from error


def rearm(folder: Path) -> None:
    """Let the robot of a folder move again. Raises HeldError while an action under way does not end."""
    try:
        StopLatch(folder).rearm()
    except HoldError as error:
        raise HeldError(str(error)) from error


def _driver(folder: Path) -> str:
    """Who drives the robot of a folder; empty for no one."""
    try:
        granted = LeaseStore(folder).read()
    except HoldError as error:
        raise HeldError(str(error)) from error
    driven = granted.holder and time.time() < granted.until and _lives(granted.holder)
    return str(granted.holder) if driven else ""


def _leased(store: LeaseStore) -> Lease:
    """A lease of our own; that of a process which is no more is taken over."""
    holder = store.read().holder
    if holder and not _lives(holder):
        store.acquire(holder, SECONDS).release()
    return store.acquire(f"{_NAME}{os.getpid()}, {token_hex(4)}", SECONDS)


def _lives(holder: str) -> bool:
    """Whether a holder is, or may be, a process that is still there."""
    process = holder.removeprefix(_NAME).partition(",")[0]
    if not (holder.startswith(_NAME) and process.isdecimal()):
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _renew(lease: Lease, over: threading.Event) -> None:
    while not over.wait(SECONDS / 4):
        try:
            lease.renew()
        except BusyError:  # it lasts a while yet, and the action may end
            continue
        except HoldError:  # the next step says so
            return
