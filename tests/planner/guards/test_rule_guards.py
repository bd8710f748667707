"""Clips that break an operator's rules are dropped, others are not. Tracks are given, not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner import Frames, Guard, KeepClearGuard, StillGuard, TrackGuards

NAMES = ("red_star", "blue_cube")
RED, BLUE = (0.1, 0.1), (0.3, 0.3)
Place = tuple[float, float] | None


@dataclass(frozen=True)
class GivenTracks:
    present: NDArray[np.bool_]
    xy: NDArray[np.float32]
    names: tuple[str, ...] = NAMES


class MillimetreTracker:
    """Frames are 1 x 2 pixels: a block's place in units of 2 mm, and whether it is there, a pixel."""

    def track(self, frames: Frames) -> GivenTracks:
        xy = (frames[:, 0, :, :2] * 0.002).astype(np.float32)
        return GivenTracks(frames[:, 0, :, 2] > 0, xy)


def picture(places: Sequence[Place]) -> Frames:
    rows = [(0, 0, 0) if xy is None else (round(xy[0] / 0.002), round(xy[1] / 0.002), 255) for xy in places]
    return np.array([rows], np.uint8)


def batch(*clips: Sequence[Sequence[Place]]) -> tuple[Frames, Frames, list[str]]:
    starts = np.stack([picture([RED, BLUE])] * len(clips))
    return starts, np.stack([np.stack([picture(f) for f in clip]) for clip in clips]), ["push"] * len(clips)


def left_of(limit: float) -> KeepClearGuard:
    """Keeps clear what lies left of a limit, metres."""
    return KeepClearGuard(MillimetreTracker(), inside=lambda xy: xy[..., 1] < limit, words="the left side")


STILL: list[list[Place]] = [[RED, BLUE]] * 3


def test_a_block_that_must_stay() -> None:
    moved: list[list[Place]] = [[RED, BLUE], [(0.14, 0.13), BLUE], [RED, BLUE]]
    nudged: list[list[Place]] = [[(0.11, 0.1), BLUE]] * 3
    other: list[list[Place]] = [[RED, (0.3, 0.4)]] * 3
    hidden: list[list[Place]] = [[None, BLUE]] * 3
    guard = StillGuard(MillimetreTracker(), blocks=("red_star", "green_cube"))
    assert guard.check(*batch(STILL, moved, nudged, other, hidden)) == [
        None, "red_star moved 0.05 m, which a rule forbids", None, None, None,
    ]  # fmt: skip
    strict = StillGuard(MillimetreTracker(), blocks=("red_star",), tolerance=0.005)
    assert strict.check(*batch(nudged)) == ["red_star moved 0.01 m, which a rule forbids"]


def test_a_block_that_was_not_there_has_not_moved() -> None:
    starts, clips, subgoals = batch([[(0.2, 0.2), BLUE]] * 3)
    starts[0, 0, 0] = 0
    guard = StillGuard(MillimetreTracker(), blocks=("red_star",))
    assert guard.check(starts, clips, subgoals) == [None]


def test_an_area_that_is_kept_clear() -> None:
    enters: list[list[Place]] = [[RED, BLUE], [RED, (0.3, 0.15)], [RED, BLUE]]
    grazes: list[list[Place]] = [[RED, (0.3, 0.198)]] * 3
    within: list[list[Place]] = [[(0.1, 0.02), BLUE]] * 3
    leaves: list[list[Place]] = [[(0.1, 0.25), BLUE]] * 3
    hidden: list[list[Place]] = [[RED, None]] * 3
    assert left_of(0.2).check(*batch(STILL, enters, grazes, within, leaves, hidden)) == [
        None, "blue_cube enters the left side in frame 2, which a rule keeps clear", None, None, None, None,
    ]  # fmt: skip


def test_the_reason_names_the_first_block_that_enters() -> None:
    both: list[list[Place]] = [[RED, BLUE], [(0.1, 0.3), BLUE], [(0.1, 0.3), (0.3, 0.44)]]
    beyond = KeepClearGuard(MillimetreTracker(), inside=lambda xy: xy[..., 1] > 0.26, words="the right side")
    starts, clips, subgoals = batch(both)
    assert beyond.check(starts, clips, subgoals) == [
        "red_star enters the right side in frame 2, which a rule keeps clear"
    ]


def test_they_share_a_tracking() -> None:
    tracker = MillimetreTracker()
    clear = KeepClearGuard(tracker, inside=lambda xy: xy[..., 1] < 0.2, words="the left side")
    guards: Guard = TrackGuards([StillGuard(tracker, blocks=("red_star",)), clear])
    assert guards.check(*batch(STILL)) == [None]
