"""Suspicions: what can be read of an episode and yet should not be learned from, or be looked at first."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.data.footage import Footage

FLAT: Final = 8
"""Range of values in every colour up to which a picture counts as black or single-coloured, of 255."""
STILL: Final = 4.0
"""Largest change of the mean of 8x8 pixels, of 255, in pictures that stand still."""
LEAP: Final = 10.0
"""Times the usual largest step of an episode that an action may go at once."""
FEW: Final = 5
"""Episodes below which nobody knows what is usual."""


@dataclass
class Suspicions:
    """Looks at episodes one after another; remembers what it takes to tell that two are the same."""

    _seen: dict[bytes, int] = field(default_factory=dict)
    _far: dict[int, tuple[NDArray[np.float64], NDArray[np.int64]]] = field(default_factory=dict)
    """Of each episode the largest step [A] of its actions and at which frame."""

    def of(self, number: int, footage: Footage) -> tuple[list[str], list[str]]:
        """What is wrong with an episode, and what is odd."""
        wrong = [text for text in [_flat(footage.rgb) or _frozen(footage)] if text]
        odd = [text for text in (self._again(number, footage), _short(footage)) if text]
        actions = footage.actions
        if actions is not None and len(actions) > 1:
            steps = np.abs(np.diff(actions.astype(np.float64), axis=0))
            self._far[number] = steps.max(0), steps.argmax(0)
        return wrong, odd

    def _again(self, number: int, footage: Footage) -> str:
        digest = hashlib.sha256(np.ascontiguousarray(footage.rgb).data)
        if footage.actions is not None:
            digest.update(np.ascontiguousarray(footage.actions).data)
        first = self._seen.setdefault(digest.digest(), number)
        return "" if first == number else f"it is the same as episode {first}, picture by picture"

    def jumps(self, names: tuple[str, ...]) -> list[tuple[int, str]]:
        """Episodes in which a number of the actions goes much further at once than in the others."""
        if len(self._far) < FEW:
            return []
        usual = np.median([far for far, _ in self._far.values()], axis=0)
        found = []
        for number, (far, at) in self._far.items():
            for axis in np.flatnonzero((far > LEAP * usual) & (usual > 0)):
                found.append(
                    (
                        number,
                        f"{names[axis]} goes by {far[axis]:.4g} at once after frame {at[axis]}, "
                        f"in most episodes by at most {usual[axis]:.4g}",
                    )
                )
        return found


def _flat(rgb: NDArray[np.uint8]) -> str:
    low, high = rgb.min((1, 2)), rgb.max((1, 2))
    flat = np.flatnonzero((high.astype(int) - low).max(-1) <= FLAT)
    if not len(flat):
        return ""
    return (
        f"expected pictures of something, got {len(flat)} of {len(rgb)} black or single-coloured, "
        f"the first at frame {flat[0]}; see to the camera and record it anew"
    )


def _frozen(footage: Footage) -> str:
    """A camera that stood still while the robot moved."""
    rgb, actions = footage.rgb, footage.actions
    if len(rgb) < 2 or actions is None or not (actions != actions[0]).any():
        return ""
    seen = _blocks(rgb)
    if np.abs(seen - seen[0]).max() > STILL:
        return ""
    return f"expected pictures that change as actions do, got {len(rgb)} times the same; see to the camera"


def _blocks(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Means of blocks of 8x8 pixels: an encoder draws a picture that stands still a little differently."""
    count, height, width, _ = rgb.shape
    side = min(8, height, width)
    whole = rgb[:, : height // side * side, : width // side * side]
    blocks = whole.reshape(count, height // side, side, -1, side, 3)
    return np.asarray(blocks.mean((2, 4), dtype=np.float32))


def _short(footage: Footage) -> str:
    seconds = len(footage.rgb) / footage.fps
    return "" if seconds > 1 else f"it is {seconds:.1f} s long: nothing, or little, is learned from it"
