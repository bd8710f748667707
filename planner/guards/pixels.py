"""Guards: rules that drop clips which cheat, each with its reason in words. Those here look at pixels;
`planner.guards.tracks` looks at where the blocks go.

Frames are numbered as one watches them: frame 0 is the start frame, 1..T are the clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.types import Frames

Reasons = list[str | None]


@dataclass(frozen=True)
class FiniteGuard:
    """Drops clips that are not pictures: wrong shape or dtype, NaN, floats outside 0..255."""

    def check(self, starts: Frames, clips: NDArray[Any], subgoals: Sequence[str]) -> Reasons:
        if clips.ndim != 5 or not clips.shape[1] or (len(clips), *clips.shape[2:]) != starts.shape:
            expected = (len(starts), "T", *starts.shape[1:])
            return [f"the clips have shape {clips.shape}, expected {expected}"] * len(starts)
        if clips.dtype == np.uint8:
            return [None] * len(starts)
        if not np.issubdtype(clips.dtype, np.floating):
            return [f"the clip is {clips.dtype}, expected uint8"] * len(starts)
        broken = np.asarray((~np.isfinite(clips)).any(axis=(2, 3, 4)))  # [N, T]
        outside = np.asarray(((clips < 0) | (clips > 255)).any(axis=(2, 3, 4)))
        return [
            _first_frame(holds, "holds NaN") or _first_frame(leaves, "leaves 0..255")
            for holds, leaves in zip(broken, outside, strict=True)
        ]


def _first_frame(wrong: NDArray[np.bool_], what: str) -> str | None:
    """wrong: bool [T], the frames of one clip."""
    return f"frame {int(wrong.argmax()) + 1} {what}" if wrong.any() else None


@dataclass(frozen=True, kw_only=True)
class FrozenGuard:
    """Drops clips in which no frame differs from the start frame.

    A pixel differs when a channel changed by more than `level` (0..255); a frame differs when at least
    `min_changed` (0..1) of its pixels do. A fraction rather than a mean: a block covers few pixels.
    """

    level: int = 32
    min_changed: float = 0.002

    def check(self, starts: Frames, clips: Frames, subgoals: Sequence[str]) -> Reasons:
        change = np.abs(clips.astype(np.int16) - starts[:, None].astype(np.int16))
        changed = (change > self.level).any(axis=-1).mean(axis=(2, 3))  # [N, T]
        frozen = (changed < self.min_changed).all(axis=1)
        return ["nothing moves" if still else None for still in frozen]
