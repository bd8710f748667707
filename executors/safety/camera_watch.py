"""Camera watch: whether the camera shows what is there now."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from executors.robot import Driver, Observation
from executors.safety.faults import CameraError, answering, one_line
from executors.safety.gate import finite_numbers


@dataclass(frozen=True)
class CameraConfig:
    """What counts as a fault."""

    timeout: float = 0.2
    """Seconds in which an observation must come."""
    max_age: float = 0.2
    """Seconds between capture and check."""
    frozen_after: int = 20
    """Observations in a row with the identical picture."""
    frozen_distance: float = 0.005
    """How far the set point must have gone meanwhile, as the crow flies, metres: over a still scene pictures
    may be identical, and back and forth within a pixel, too."""
    flat: int = 8
    """Range of values in every colour up to which a picture counts as black or single-coloured, of 255."""
    shape: tuple[int, int, int] | None = None
    """[H, W, 3] of the picture; None for that of the first one."""
    view_seconds: float = 2.0
    """Seconds after which what the picture shows is looked at again."""
    view_pictures: int = 60
    """Observations after which it is, if that comes sooner: simulated time may run faster than the clock."""


class View(Protocol):
    """Knows what the camera should show."""

    def fault(self, observation: Observation) -> tuple[str, str, str] | None:
        """What was expected of an observation whose "rgb" has a good form, what was got, and what to do; None
        where nothing is wrong."""
        ...


class CameraWatch:
    """Looks at every observation; one for each camera, since it remembers.

    Args:
        config: what counts as a fault.
        clock: seconds, the clock of the observations' "time"; never runs backwards.
        view: looks, at the start and every few seconds, whether the picture is of the expected camera and
            board; None where that is not known.
    """

    def __init__(
        self,
        config: CameraConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
        view: View | None = None,
    ) -> None:
        self.config, self._clock, self._view = config or CameraConfig(), clock, view
        self._turn = threading.Lock()
        self._reader: threading.Thread | None
        self.reset()

    def reset(self) -> None:
        """Forget what was seen: the camera was connected again."""
        self._reader = None  # one that hangs in the old connection is left behind
        self._shape, self._last = self.config.shape, -math.inf
        self._picture, self._alike = b"", 0
        self._since: NDArray[np.float64] | None = None
        self._gone = 0.0
        self._viewed: tuple[bytes, float] | None = None
        """The picture that the view last found good, and when that was."""
        self._unviewed = 0
        """Observations of other pictures since."""

    def read(self, robot: Driver, timeout: float | None = None) -> Observation:
        """The robot's newest observation, checked; `timeout` in seconds instead of the config's.

        Raises CameraError when it does not come in time or what `check` raises; RobotLostError when the
        robot does not answer.
        """
        limit = self.config.timeout if timeout is None else timeout
        if self._reader is not None and self._reader.is_alive():
            raise CameraError(
                _line("an observation", "none since the last was asked for", "see to the camera")
            )
        found: list[Observation | BaseException] = []

        def work() -> None:
            try:
                found.append(robot.get_observation())
            except BaseException as error:
                found.append(error)

        # A call of a driver that hangs can't be ended, only left behind; it must not keep the process alive.
        self._reader = threading.Thread(target=work, name="camera", daemon=True)
        self._reader.start()
        self._reader.join(limit)
        if not found:
            raise CameraError(_line(f"an observation within {limit} s", "none", "see to the camera"))
        with answering():
            if isinstance(found[0], BaseException):
                raise found[0]
        self.check(found[0])
        return found[0]

    def check(self, observation: Observation) -> None:
        """Raises CameraError for a picture that is missing, of a wrong form, black or of a single colour,
        frozen, too old, older than one seen before, or not of the camera and the board that are expected.

        "rgb" is uint8 [H, W, 3]; "time", if there, the seconds of its capture on this watch's clock. A robot
        that gives none is not judged by age.
        """
        with self._turn:
            picture = self._check_form(observation.get("rgb"))
            if "time" in observation:
                self._check_time(observation["time"])
            self._check_frozen(picture, observation.get("effector_target_translation"))
            if self._view is not None:
                self._check_view(self._view, picture, observation)

    def _check_view(self, view: View, picture: NDArray[np.uint8], observation: Observation) -> None:
        content, now = picture.tobytes(), self._clock()
        if self._viewed is not None:
            good, since = self._viewed
            self._unviewed += content != good
            late = now - since >= self.config.view_seconds or self._unviewed >= self.config.view_pictures
            if content == good or not late:
                return
        self._viewed = None  # until one is good, every one is looked at
        if fault := view.fault(observation):
            raise CameraError(_line(*fault))
        self._viewed, self._unviewed = (content, now), 0

    def _check_form(self, picture: object) -> NDArray[np.uint8]:
        if not isinstance(picture, np.ndarray):
            raise CameraError(_line("a picture", f"a {type(picture).__name__}", "see to the camera"))
        form = f"{picture.dtype} {list(picture.shape)}"
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
            raise CameraError(_line("a picture uint8 [H, W, 3]", form, "see to the camera's driver"))
        if self._shape is None:
            self._shape = picture.shape
        if picture.shape != self._shape:
            raise CameraError(_line(f"a picture of {list(self._shape)}", form, "set the camera's size back"))
        if np.ptp(picture.reshape(-1, 3), axis=0).max() <= self.config.flat:
            color = picture.reshape(-1, 3).mean(axis=0).round().astype(int).tolist()
            raise CameraError(
                _line("a picture of the board", f"nothing but {color}", "look at lens and light")
            )
        return picture

    def _check_time(self, captured: object) -> None:
        try:
            at = float(captured)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            at = math.nan
        age, limit, last = self._clock() - at, self.config.max_age, self._last
        if not math.isfinite(at):
            raise CameraError(
                _line("a time of capture in seconds", one_line(repr(captured)), "see to the driver")
            )
        if age < -limit:
            raise CameraError(_line("a time of capture", f"one {-age:.2f} s ahead", "use the watch's clock"))
        self._last = max(last, at)
        if at < last:
            raise CameraError(
                _line("a picture newer than the last", f"one {last - at:.3f} s older", "look on")
            )
        if age > limit:
            raise CameraError(_line(f"a picture at most {limit} s old", f"{age:.2f} s", "see to the camera"))

    def _check_frozen(self, picture: NDArray[np.uint8], target: object) -> None:
        place = finite_numbers(target)
        content = picture.tobytes()  # a copy: drivers write the next picture into the same array
        if content != self._picture or self._since is None or place is None:
            self._picture, self._alike, self._since, self._gone = content, 1, place, 0.0
            return
        self._alike += 1
        self._gone = max(self._gone, float(np.linalg.norm(place - self._since)))
        if self._alike >= self.config.frozen_after and self._gone > self.config.frozen_distance:
            got = f"the identical one {self._alike} times while the set point went {self._gone:.3f} m"
            raise CameraError(_line("pictures that change", got, "see to the camera"))


def _line(expected: str, got: str, then: str) -> str:
    return f"expected {expected}, got {got}; nothing was sent; {then}"
