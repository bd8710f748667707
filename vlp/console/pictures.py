"""Pictures of a run's decisions: what was seen, each branch, a plan as a film, imagined beside real."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from PIL import Image

from planner import Frames
from vlp.record.decision import ActedSubgoal, Decision, load_acted, load_decision
from vlp.record.filmstrip import scaled, sheet, strip, to_png
from vlp.record.plan_film import film as film_of

GAP: Final = 2
MOST: Final = 100_000
"""Decisions of a run; a larger number is no file's name."""
DAMAGED: Final = (
    OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, SyntaxError,
    Image.DecompressionBombError,
)  # fmt: skip
"""What reading a file raises that holds anything; SyntaxError is Pillow's for a broken PNG."""
HEIGHT: Final = 56
"""Pixels of a frame of a branch."""


def decision(run: Path, number: int) -> Decision | None:
    """A saved decision of a run, None where there is none."""
    if not 0 < number < MOST:
        return None
    sealed = run / "decisions" / f"{number:02d}" / "tree.json"
    try:
        return _loaded(sealed.parent, sealed.stat().st_mtime_ns)
    except DAMAGED:
        return None


@lru_cache(maxsize=2)
def _loaded(folder: Path, changed: int) -> Decision:
    return load_decision(folder)


def branch(found: Decision, node: int) -> bytes | None:
    """The clip of a branch as PNG."""
    if not 0 <= node < len(found.tree.nodes) or (clip := found.tree.nodes[node].clip) is None:
        return None
    return to_png(strip(scaled(clip, HEIGHT), gap=GAP))


@lru_cache(maxsize=2)
def film(found: Decision) -> bytes | None:
    """The plan's clips one after the other, twice as large, as an MP4 file, as fast as they would be
    acted on; made once for all windows."""
    if found.plan is None:
        return None
    return film_of([found.tree.root_frame[None], *(step.clip for step in found.plan)], scale=2)


def acted(run: Path, number: int) -> list[ActedSubgoal]:
    """What was acted on of a decision."""
    if not 0 < number < MOST:
        return []
    try:
        return load_acted(run / "decisions" / f"{number:02d}")
    except DAMAGED:
        return []


def side_by_side(one: ActedSubgoal) -> bytes:
    """Imagined above real, as PNG."""
    rows: list[Frames] = [clip for clip in (one.imagined, one.real) if len(clip)]
    return to_png(sheet([strip(clip, gap=GAP) for clip in rows], gap=GAP))
