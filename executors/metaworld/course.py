"""Course from an imagined clip: its actions by inverse dynamics, looked at again at each of its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Explain = Callable[[Frame, Frame], NDArray[np.float32]]
"""A picture uint8 [H, W, 3] and the clip [T, H, W, 3] that is to follow it to actions [T * stride, 4]."""


def remaining(clip: Frame, number: int) -> Frame:
    """What is left of a clip [T, H, W, 3] once `number` of its frames are passed, as long as before: a robot
    rests at the end, as clips that go past their end do in training."""
    return clip[np.minimum(np.arange(number, number + len(clip)), len(clip) - 1)]


class Course:
    """The actions [4] in -1..1 that lead along a clip, asked for one at a time.

    Args:
        clip: uint8 [T, H, W, 3].
        explain: inverse dynamics.
        closed: look again at each frame of the clip; False: once, and then blindly.
    """

    def __init__(self, clip: Frame, explain: Explain, *, closed: bool = True) -> None:
        self._clip, self._explain, self._closed = clip, explain, closed
        self._next: Iterator[NDArray[np.float32]] = iter(())
        self._passed = 0

    @property
    def passed(self) -> int:
        """Frames of the clip that were gone for already."""
        return self._passed

    def action(self, frame: Frame) -> NDArray[np.float32] | None:
        """The next one from what is seen now, uint8 [H, W, 3]; None where the clip is at its end."""
        for action in self._next:
            return action
        if self._passed >= len(self._clip):
            return None
        found = self._explain(frame, remaining(self._clip, self._passed))
        stride = len(found) // len(self._clip)
        self._next = iter(found[:stride] if self._closed else found)
        self._passed += 1 if self._closed else len(self._clip)
        return next(self._next)
