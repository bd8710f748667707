"""Every guard with a good clip and bad ones. In these pictures a block is one pixel of its own brightness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from planner import (
    FiniteGuard,
    Frames,
    FrozenGuard,
    Guard,
    OutOfReachGuard,
    OverlapGuard,
    TeleportGuard,
    Tracker,
    TrackGuards,
    UntouchedGuard,
    VanishGuard,
)

NAMES = ("red_star", "blue_cube")
METRES = 0.01  # a pixel


@dataclass(frozen=True)
class PixelTracks:
    present: NDArray[np.bool_]
    xy: NDArray[np.float32]
    names: tuple[str, ...] = NAMES


@dataclass
class PixelTracker:
    """Block k is the pixel of brightness 200 + k."""

    calls: list[int] = field(default_factory=list)

    def track(self, frames: Frames) -> PixelTracks:
        self.calls.append(len(frames))
        hits = [frames[..., 0] == 200 + k for k in range(len(NAMES))]
        present = np.stack([hit.any(axis=(1, 2)) for hit in hits], axis=1)
        places = [np.unravel_index(hit.reshape(len(hit), -1).argmax(axis=1), hit.shape[1:]) for hit in hits]
        xy = np.stack([np.stack(place, axis=-1) for place in places], axis=1) * METRES
        return PixelTracks(present, xy.astype(np.float32))


Place = tuple[int, int] | None
RED, BLUE = (2, 2), (10, 10)


def picture(places: Sequence[Place]) -> Frames:
    frame = np.zeros((32, 32, 3), np.uint8)
    for k, place in enumerate(places):
        if place is not None:
            frame[place] = 200 + k
    return frame


def batch(*clips: Sequence[Sequence[Place]]) -> tuple[Frames, Frames, list[str]]:
    """Start frames (both blocks at home), clips and subgoals that name the red star."""
    pictures = np.stack([np.stack([picture(places) for places in clip]) for clip in clips])
    return np.stack([picture([RED, BLUE])] * len(clips)), pictures, ["push the red_star"] * len(clips)


def named(subgoal: str) -> set[str]:
    return {name for name in NAMES if name in subgoal}


GOOD: list[list[Place]] = [[(2, 4), BLUE], [(2, 6), BLUE], [(2, 8), BLUE], [(2, 10), BLUE]]


def test_vanish() -> None:
    blink: list[list[Place]] = [GOOD[0], [None, BLUE], *GOOD[2:]]
    lost: list[list[Place]] = [*GOOD[:2], [(2, 8), None], [(2, 10), None]]
    guard = VanishGuard(PixelTracker())
    assert guard.check(*batch(GOOD, blink, lost)) == [
        None, "red_star vanished in frame 2", "blue_cube vanished in frame 3",
    ]  # fmt: skip
    patient = VanishGuard(PixelTracker(), patience=2)
    assert patient.check(*batch(GOOD, blink, lost)) == [None, None, "blue_cube vanished in frame 3"]
    assert VanishGuard(PixelTracker(), patience=9).check(*batch(blink)) == [None]


def test_overlap() -> None:
    merged: list[list[Place]] = [*GOOD[:3], [(BLUE[0], BLUE[1] + 1), BLUE]]
    guard = OverlapGuard(PixelTracker(), min_gap=METRES * 2)
    assert guard.check(*batch(GOOD, merged)) == [None, "red_star and blue_cube overlap in frame 4"]


def test_blocks_that_are_seen_in_one_place_from_the_start_are_no_fault_of_the_clip() -> None:
    starts, clips, subgoals = batch([[(10, 9), BLUE]] * 4)
    starts[:, RED[0], RED[1]] = 0
    starts[:, 10, 9] = 200
    assert OverlapGuard(PixelTracker(), min_gap=METRES * 2).check(starts, clips, subgoals) == [None]


def test_blocks_that_stand_almost_too_near_may_stay_so_but_come_no_nearer() -> None:
    stay: list[list[Place]] = [[(10, 7), BLUE]] * 4
    press: list[list[Place]] = [*stay[:3], [(10, 8), BLUE]]
    starts, clips, subgoals = batch(stay, press)
    starts[:, RED[0], RED[1]] = 0
    starts[:, 10, 6] = 200  # 4 pixels away, then 3 or 2
    guard = OverlapGuard(PixelTracker(), min_gap=METRES * 3.5, nearer=METRES * 1.5)
    assert guard.check(starts, clips, subgoals) == [None, "red_star and blue_cube overlap in frame 4"]


def test_a_block_that_goes_through_another_between_two_frames() -> None:
    through: list[list[Place]] = [[(10, 2), BLUE], [(10, 2), BLUE], [(10, 18), BLUE], [(10, 18), BLUE]]
    starts, clips, subgoals = batch(GOOD, through)
    passing = OverlapGuard(PixelTracker(), min_gap=METRES, min_pass=METRES * 2)
    assert passing.check(starts, clips, subgoals) == [None, "red_star and blue_cube overlap in frame 3"]
    assert OverlapGuard(PixelTracker(), min_gap=METRES).check(starts, clips, subgoals) == [None, None]


def test_a_block_that_is_left_out_of_reach() -> None:
    away: list[list[Place]] = [*GOOD[:3], [(2, 10), (12, 29)]]
    on_the_way: list[list[Place]] = [GOOD[0], [(2, 4), (12, 29)], *GOOD[2:]]
    guard = OutOfReachGuard(PixelTracker(), low=(0.0, 0.0), high=(0.25, 0.25))
    assert guard.check(*batch(GOOD, away, on_the_way)) == [
        None,
        "blue_cube ends at the edge, out of reach",
        None,
    ]
    outside = OutOfReachGuard(PixelTracker(), low=(0.5, 0.5), high=(0.6, 0.6))
    assert outside.check(*batch(GOOD)) == [None]


def test_a_block_that_is_gone_at_the_end_has_vanished_however_patient_the_guard() -> None:
    late: list[list[Place]] = [*GOOD[:3], [(2, 10), None]]
    for patience in (1, 2, 9):
        guard = VanishGuard(PixelTracker(), patience=patience)
        assert guard.check(*batch(GOOD, late)) == [None, "blue_cube vanished in frame 4"]


def test_a_block_that_was_never_there_does_not_vanish() -> None:
    starts, clips, subgoals = batch([[RED, None]] * 3)
    starts[:, BLUE[0], BLUE[1]] = 0
    assert VanishGuard(PixelTracker()).check(starts, clips, subgoals) == [None]


def test_teleport() -> None:
    far: list[list[Place]] = [*GOOD[:3], [(2, 29), BLUE]]
    at_once: list[list[Place]] = [[(12, 2), BLUE]] * 4
    hidden: list[list[Place]] = [GOOD[0], [None, BLUE], [None, BLUE], GOOD[3]]
    leap: list[list[Place]] = [GOOD[0], [None, BLUE], [(2, 20), BLUE], [(2, 20), BLUE]]
    guard = TeleportGuard(PixelTracker(), max_step=0.05)
    assert guard.check(*batch(GOOD, far, at_once, hidden, leap)) == [
        None,
        "red_star jumped 0.21 m between frames 3 and 4",
        "red_star jumped 0.10 m between frames 0 and 1",
        None,
        "red_star jumped 0.16 m between frames 1 and 3",
    ]


def test_untouched() -> None:
    both: list[list[Place]] = [
        [(2, 4), (10, 14)],
        [(2, 6), (10, 19)],
        [(2, 8), (10, 16)],
        [(2, 10), (10, 16)],
    ]
    nudged: list[list[Place]] = [[(2, 4), (10, 12)]] * 4
    guard = UntouchedGuard(PixelTracker(), named, tolerance=0.03)
    starts, clips, _ = batch(GOOD, both, nudged, both)
    subgoals = [
        "push the red_star",
        "push the red_star",
        "push the red_star",
        "push the red_star to the blue_cube",
    ]
    assert guard.check(starts, clips, subgoals) == [
        None, "blue_cube moved 0.09 m but the subgoal does not name it", None, None,
    ]  # fmt: skip


def test_hidden_blocks_have_not_moved() -> None:
    hidden: list[list[Place]] = [[(2, 4), None]] * 4
    assert UntouchedGuard(PixelTracker(), named, tolerance=0.03).check(*batch(hidden)) == [None]


def test_guards_together_track_once() -> None:
    tracker = PixelTracker()
    guards = TrackGuards(
        [
            VanishGuard(tracker),
            TeleportGuard(tracker, max_step=0.05),
            UntouchedGuard(tracker, named, tolerance=0.03),
        ]
    )
    lost_and_far: list[list[Place]] = [*GOOD[:2], [None, BLUE], [(2, 29), BLUE]]
    stray: list[list[Place]] = [[(2, 4), (10, 14)]] * 4
    assert guards.check(*batch(GOOD, lost_and_far, stray)) == [
        None, "red_star vanished in frame 3", "blue_cube moved 0.04 m but the subgoal does not name it",
    ]  # fmt: skip
    assert tracker.calls == [3 * 5]


def test_guards_together_need_one_tracker() -> None:
    for guards in ([], [VanishGuard(PixelTracker()), VanishGuard(PixelTracker())]):
        with pytest.raises(ValueError, match="the same tracker"):
            TrackGuards(guards)


def test_places_that_are_not_finite_count_as_unseen() -> None:
    class Lost(PixelTracker):
        def track(self, frames: Frames) -> PixelTracks:
            found = super().track(frames)
            found.xy[2:, 0] = np.nan
            return found

    assert VanishGuard(Lost()).check(*batch(GOOD)) == ["red_star vanished in frame 2"]
    assert TeleportGuard(Lost(), max_step=0.05).check(*batch(GOOD)) == [None]


def test_a_tracker_with_wrong_shapes_is_named() -> None:
    class Short(PixelTracker):
        def track(self, frames: Frames) -> PixelTracks:
            return super().track(frames[1:])

    with pytest.raises(AssertionError, match=r"Tracker.track: expected present \(5, 2\)"):
        VanishGuard(Short()).check(*batch(GOOD))


def test_frozen() -> None:
    still: list[list[Place]] = [[RED, BLUE]] * 4
    late: list[list[Place]] = [*still[:3], [(2, 4), BLUE]]
    guard = FrozenGuard(min_changed=0.001)
    assert guard.check(*batch(GOOD, still, late)) == [None, "nothing moves", None]


def test_noise_is_not_movement() -> None:
    starts, clips, subgoals = batch([[RED, BLUE]] * 4, GOOD)
    clips = np.clip(clips.astype(int) + np.random.default_rng(0).integers(-9, 10, clips.shape), 0, 255)
    assert FrozenGuard(min_changed=0.001).check(starts, clips.astype(np.uint8), subgoals) == [
        "nothing moves",
        None,
    ]


def test_finite() -> None:
    starts, clips, subgoals = batch(GOOD, GOOD, GOOD, GOOD)
    guard = FiniteGuard()
    assert guard.check(starts, clips, subgoals) == [None] * 4
    floats = clips.astype(np.float32)
    floats[1, 2, 0, 0, 0], floats[2, 0, 0, 0, 0], floats[3, 3] = np.nan, -np.inf, 300
    assert guard.check(starts, floats, subgoals) == [
        None, "frame 3 holds NaN", "frame 1 holds NaN", "frame 4 leaves 0..255",
    ]  # fmt: skip


@pytest.mark.parametrize("cut", [np.s_[:, :, 1:], np.s_[:1], np.s_[:, 0], np.s_[..., :1], np.s_[:, :0]])
def test_clips_of_the_wrong_shape(cut: Any) -> None:
    starts, clips, subgoals = batch(GOOD, GOOD)
    reasons = FiniteGuard().check(starts, clips[cut], subgoals)
    assert reasons == [f"the clips have shape {clips[cut].shape}, expected (2, 'T', 32, 32, 3)"] * 2


def test_clips_of_the_wrong_type() -> None:
    starts, clips, subgoals = batch(GOOD)
    assert FiniteGuard().check(starts, clips.astype(np.int64), subgoals) == [
        "the clip is int64, expected uint8"
    ]


def test_the_guards_keep_their_protocols() -> None:
    tracker: Tracker = PixelTracker()
    guards: list[Guard] = [
        FiniteGuard(),
        FrozenGuard(),
        VanishGuard(tracker),
        TrackGuards([VanishGuard(tracker)]),
    ]
    assert isinstance(tracker, Tracker) and all(isinstance(guard, Guard) for guard in guards)
