"""Ways along an imagined clip: by inverse dynamics, or by a policy that goes for each of its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Explain = Callable[[Frame, Frame], NDArray[np.float32]]
"""A picture uint8 [H, W, 3] and the clip [T, H, W, 3] that is to follow it to actions [T * stride, 4]."""
Reach = Callable[[Frame, Frame, int], NDArray[np.float32]]
"""A picture and one that is wanted in so many control steps to actions [k, 4]."""
LOOK: Final = 2
"""Actions sent until the camera is looked at again."""


class Way(Protocol):
    """Actions [4] in -1..1 that lead along a clip, one at a time."""

    @property
    def passed(self) -> int:
        """Frames of the clip that were gone for already."""
        ...

    def action(self, frame: Frame) -> NDArray[np.float32] | None:
        """The next one from what is seen now, uint8 [H, W, 3]; None where the clip is at its end."""
        ...


MakeWay = Callable[[Frame], Way]
"""From a clip uint8 [T, H, W, 3]."""


def remaining(clip: Frame, number: int) -> Frame:
    """What is left of a clip [T, H, W, 3] once `number` of its frames are passed, as long as before: a robot
    rests at the end, as clips that go past their end do in training."""
    return clip[np.minimum(np.arange(number, number + len(clip)), len(clip) - 1)]


class ExplainedWay:
    """See Way: by inverse dynamics of the clip.

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


class ReachedWay:
    """See Way: each frame of the clip in turn is gone for by a policy, a stride of control steps long.

    Args:
        clip: uint8 [T, H, W, 3].
        reach: the policy.
        stride: control steps from frame to frame.
    """

    def __init__(self, clip: Frame, reach: Reach, *, stride: int) -> None:
        self._clip, self._reach, self._stride = clip, reach, stride
        self._next: Iterator[NDArray[np.float32]] = iter(())
        self._sent = 0

    @property
    def passed(self) -> int:
        """Frames of the clip that were gone for already."""
        return -(-self._sent // self._stride)

    def action(self, frame: Frame) -> NDArray[np.float32] | None:
        """See Way."""
        if self._sent >= self._stride * len(self._clip):
            return None
        found = next(self._next, None)
        if found is None:
            number, gone = divmod(self._sent, self._stride)
            self._next = iter(self._reach(frame, self._clip[number], self._stride - gone)[:LOOK])
            found = next(self._next)
        self._sent += 1
        return found
