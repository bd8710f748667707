"""Keep-out rectangles of the set point, and the straight ways that meet them."""

from __future__ import annotations

import math
from collections.abc import Sequence

Point = tuple[float, ...]
"""Metres, [A]."""
Rectangle = tuple[Point, Point]
"""Low corner and high corner, metres; the border belongs to it."""


def check_rectangle(rectangle: Rectangle) -> None:
    """Raises ValueError for corners that are not finite or stand in the wrong order."""
    low, high = rectangle
    if not all(math.isfinite(a) and math.isfinite(b) and a < b for a, b in zip(low, high, strict=True)):
        raise ValueError(f"expected a low and a high corner in metres, got {rectangle}; swap what is greater")


def breaks_in(start: Sequence[float], end: Sequence[float], rectangle: Rectangle) -> bool:
    """Whether the straight way between two points [A] in metres meets a rectangle; from within, whether it
    leads any deeper."""
    first, last = _gaps(start, rectangle), _gaps(end, rectangle)
    if min(first) < 0:
        return _meets(start, end, rectangle)
    # The depth is the least of linear functions, two an axis, so it never rises above where it begins exactly
    # when one of those that are least there does not rise.
    return all(b > a + 1e-9 for a, b in zip(first, last, strict=True) if a <= min(first) + 1e-9)


def _gaps(point: Sequence[float], rectangle: Rectangle) -> list[float]:
    """How far a point lies within each of its sides, metres; negative outside."""
    low, high = rectangle
    return [p - a for p, a in zip(point, low, strict=True)] + [
        b - p for p, b in zip(point, high, strict=True)
    ]


def _meets(start: Sequence[float], end: Sequence[float], rectangle: Rectangle) -> bool:
    """Whether a segment and a rectangle have a point in common (Liang and Barsky, 1984)."""
    enter, leave = 0.0, 1.0
    for at, to, low, high in zip(start, end, *rectangle, strict=True):
        way = to - at
        if way == 0.0:
            if not low <= at <= high:
                return False
            continue
        near, far = sorted(((low - at) / way, (high - at) / way))
        enter, leave = max(enter, near), min(leave, far)
    return enter <= leave
