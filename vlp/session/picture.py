"""Picture forms of other cameras: what can be scaled to what the models see is, the rest is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from executors.robot import Driver, Observation
from executors.safety.camera_watch import CameraConfig, CameraWatch
from executors.safety.faults import CameraError, one_line
from executors.safety.gate import finite_numbers
from executors.wrapped import WrappedRobot
from planner import Frames
from tasks.data.fitting import letterboxed
from vlp.agent.parts import Parts
from vlp.errors import HeldError, UsageError

LEAST: Final = 0.5
"""Share of the wanted size below which a picture shows too little to be enlarged."""
_ALIKE: Final = CameraConfig(frozen_after=2, frozen_distance=0.01)
"""Given pictures are few: of two identical ones between which the pusher went two pixels, one is old."""


class PictureError(ValueError):
    """No picture that can be brought into form; says what was expected, what was got and what to do."""


def fitted(picture: object, shape: tuple[int, int, int]) -> Frames:
    """A picture as uint8 `shape` [H, W, 3]; one that is so already is given back itself.

    Scaled, with black bars at two sides where its sides are in another proportion; without its alpha channel;
    floats 0..1 and other integers 0..255 become bytes. Raises PictureError for all else: grey pictures, since
    blocks are known by their colours, stacks of pictures, channels first, and what is no array.
    """
    if not isinstance(picture, np.ndarray):
        raise _refused(f"a {type(picture).__name__}", "make it a numpy array")
    form = f"{picture.dtype} {list(picture.shape)}"
    if picture.dtype == np.uint8 and picture.shape == shape:
        return picture if picture.flags.writeable else picture.copy()  # torch warns of those that are not
    _check_form(picture, form)
    height, width = picture.shape[:2]
    if height < LEAST * shape[0] or width < LEAST * shape[1]:
        raise _refused(
            form, f"give at least {math.ceil(LEAST * shape[0])}x{math.ceil(LEAST * shape[1])} pixels"
        )
    return letterboxed(_bytes(picture[..., :3], form), shape[:2])


def _check_form(picture: np.ndarray[Any, Any], form: str) -> None:
    if picture.ndim == 4:
        raise _refused(f"a stack of pictures, {form}", "give one of them")
    if picture.ndim == 3 and picture.shape[0] in (3, 4) and picture.shape[2] not in (3, 4):
        raise _refused(f"{form}, channels first", "put channels last")
    if picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in (1, 2)):
        raise _refused(f"a grey one, {form}", "give one in colours: blocks are known by them")
    if picture.ndim != 3 or picture.shape[2] not in (3, 4) or not picture.size:
        raise _refused(form, "give one picture")


def _bytes(picture: np.ndarray[Any, Any], form: str) -> Frames:
    """Values of a picture [H, W, 3] as bytes."""
    if picture.dtype == np.uint8:
        return picture
    most = 1 if picture.dtype.kind == "f" else 255
    if picture.dtype.kind not in "fui":
        raise _refused(form, "give uint8, or floats in 0..1")
    low, high = picture.min(), picture.max()
    if not (low >= 0 and high <= most):  # NaN, too
        raise _refused(f"{form} with values {low:.4g} to {high:.4g}", f"bring {picture.dtype} into 0..{most}")
    return np.asarray((picture.astype(np.float64) * (255 / most)).round().astype(np.uint8))


def _refused(got: str, then: str) -> PictureError:
    return PictureError(f"expected a picture uint8 [H, W, 3] in colours, got {got}; {then}")


class Fitted(WrappedRobot):
    """A robot whose pictures are brought into form.

    Args:
        robot: with a camera of any size.
        shape: [H, W, 3] that is wanted.
    """

    def __init__(self, robot: Driver, shape: tuple[int, int, int]) -> None:
        super().__init__(robot)
        self._shape = shape

    def get_observation(self) -> Observation:
        """The robot's, its "rgb" uint8 of the wanted shape. Raises CameraError for one that can't be."""
        seen = super().get_observation()
        if not isinstance(seen, Mapping) or "rgb" not in seen:
            got = f"{sorted(map(str, seen))}" if isinstance(seen, Mapping) else f"a {type(seen).__name__}"
            raise CameraError(
                f"expected an observation with a picture, rgb, got {one_line(got)}; nothing was sent; "
                "see to the robot's driver"
            )
        try:
            picture = fitted(seen["rgb"], self._shape)
        except PictureError as error:
            raise CameraError(f"{error}; nothing was sent") from error
        return seen if picture is seen["rgb"] else {**seen, "rgb": picture}


class Given:
    """Takes observations that a caller gives, one after the other, as those of a camera.

    Args:
        parts: the models that are to see them.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._watch = CameraWatch(_ALIKE, view=parts.view)

    def take(self, observation: object) -> Observation:
        """The observation in form; without a set point, the pusher's is where it is seen.

        Raises UsageError for what is no observation, HeldError for a picture that is black, frozen, or not of
        the camera and the board that are expected.
        """
        if not isinstance(observation, Mapping) or "rgb" not in observation:
            got = sorted(map(str, observation)) if isinstance(observation, Mapping) else _kind(observation)
            raise UsageError(
                f'observation: expected a dictionary with a picture as "rgb", got {one_line(got)}; '
                'give {"rgb": picture}'
            )
        try:
            picture = fitted(observation["rgb"], self._parts.shape)
        except PictureError as error:
            raise UsageError(f"observation: {error}") from error
        found = {**observation, "rgb": picture}
        if "effector_target_translation" in found:
            found["effector_target_translation"] = _place(
                found["effector_target_translation"], self._parts.limits.size
            )
        try:  # its age is the caller's affair
            self._watch.check({name: value for name, value in found.items() if name != "time"})
        except CameraError as error:
            raise HeldError(str(error)) from error
        if "effector_target_translation" not in found:
            found["effector_target_translation"] = self._parts.sight.target(picture)
        return found


def _place(value: object, size: int) -> np.ndarray[Any, Any]:
    """A set point float32 [size], metres. Raises UsageError."""
    place = finite_numbers(value, size)
    if place is None:
        raise UsageError(
            f"observation: expected effector_target_translation as {'two' if size == 2 else size} numbers in "
            f"metres, got {one_line(repr(value))}; leave it out, or mend it"
        )
    return np.asarray(place, np.float32)


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"
