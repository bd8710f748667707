"""Guards of block tracks: where the blocks of a clip go, as a tracker sees them.

Frames are numbered as one watches them: frame 0 is the start frame, 1..T are the clip.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from planner.guards.pixels import Reasons
from planner.protocols import Tracker
from planner.types import Frames


@dataclass(frozen=True, eq=False)
class ClipTracks:
    """Where the blocks are in N clips; frame 0 is the start frame."""

    present: NDArray[np.bool_]  # [N, T + 1, K]
    xy: NDArray[np.float32]  # [N, T + 1, K, 2], metres
    names: tuple[str, ...]  # [K]


def track_clips(tracker: Tracker, starts: Frames, clips: Frames) -> ClipTracks:
    """Start frames [N, H, W, 3] and clips [N, T, H, W, 3] in one call of the tracker."""
    frames = np.concatenate([starts[:, None], clips], axis=1)
    found = tracker.track(frames.reshape(-1, *frames.shape[2:]))
    shape = (frames.shape[0] * frames.shape[1], len(found.names))
    assert found.present.shape == shape and found.xy.shape == (*shape, 2), (
        f"Tracker.track: expected present {shape} and xy {(*shape, 2)}, "
        f"got {found.present.shape} and {found.xy.shape}"
    )
    present = (found.present > 0.5) & np.isfinite(found.xy).all(axis=-1)
    by_clip = (*frames.shape[:2], len(found.names))
    return ClipTracks(present.reshape(by_clip), found.xy.reshape(*by_clip, 2), tuple(found.names))


@dataclass(frozen=True)
class TrackGuard(ABC):
    """A guard that looks at where the blocks go. `TrackGuards` lets several share one tracking."""

    tracker: Tracker

    def check(self, starts: Frames, clips: Frames, subgoals: Sequence[str]) -> Reasons:
        return self.check_tracks(track_clips(self.tracker, starts, clips), subgoals)

    @abstractmethod
    def check_tracks(self, tracks: ClipTracks, subgoals: Sequence[str]) -> Reasons:
        """For each clip None or the reason to drop it."""


@dataclass(frozen=True)
class VanishGuard(TrackGuard):
    """Drops clips in which a block of the start frame is not seen for `patience` frames in a row, or not in
    the last: the pusher may hide a block for a moment, but where a clip ends the next one begins."""

    patience: int = field(default=1, kw_only=True)

    def check_tracks(self, tracks: ClipTracks, subgoals: Sequence[str]) -> Reasons:
        missing = tracks.present[:, :1] & ~tracks.present[:, 1:]  # [N, T, K]
        # Seen as if the last frame went on: what is missing there stays missing.
        missing = np.concatenate([missing, np.repeat(missing[:, -1:], self.patience - 1, axis=1)], axis=1)
        windows = np.lib.stride_tricks.sliding_window_view(missing, self.patience, axis=1)
        runs = np.asarray(windows.all(axis=-1))  # [N, T - patience + 1, K]
        firsts = [_first(gone) for gone in runs]
        return [at and f"{tracks.names[at[1]]} vanished in frame {at[0] + 1}" for at in firsts]


@dataclass(frozen=True)
class TeleportGuard(TrackGuard):
    """Drops clips in which a block goes more than `max_step` metres a frame, hidden frames counted."""

    max_step: float = field(kw_only=True)

    def check_tracks(self, tracks: ClipTracks, subgoals: Sequence[str]) -> Reasons:
        before = _last_seen(tracks.present)  # [N, T, K], the frame before in which the block was seen, or -1
        come_from = np.take_along_axis(tracks.xy, np.maximum(before, 0)[..., None], axis=1)
        distance = np.linalg.norm(tracks.xy[:, 1:] - come_from, axis=-1)
        frames = np.arange(1, tracks.xy.shape[1])[None, :, None] - before
        jumped = tracks.present[:, 1:] & (before >= 0) & (distance > self.max_step * frames)
        firsts = [_first(clip) for clip in jumped]
        return [
            at and f"{tracks.names[at[1]]} jumped {far[at]:.2f} m between frames {since[at]} and {at[0] + 1}"
            for at, far, since in zip(firsts, distance, before, strict=True)
        ]


@dataclass(frozen=True)
class UntouchedGuard(TrackGuard):
    """Drops clips that move a block by more than `tolerance` metres which the subgoal does not name.

    names_in: the blocks a subgoal's text names.
    """

    names_in: Callable[[str], AbstractSet[str]]
    tolerance: float = field(kw_only=True)

    def check_tracks(self, tracks: ClipTracks, subgoals: Sequence[str]) -> Reasons:
        named = [self.names_in(text) for text in subgoals]
        free = np.array([[name not in names for name in tracks.names] for names in named], dtype=np.bool_)
        seen = tracks.present[:, :1] & tracks.present[:, 1:]
        moved = np.linalg.norm(tracks.xy[:, 1:] - tracks.xy[:, :1], axis=-1)
        farthest = np.where(seen, moved, 0.0).max(axis=1) * free  # [N, K]
        words = "{} moved {:.2f} m but the subgoal does not name it"
        return [
            words.format(tracks.names[far.argmax()], far.max()) if far.max() > self.tolerance else None
            for far in farthest
        ]


@dataclass(frozen=True)
class OverlapGuard(TrackGuard):
    """Drops clips in which two blocks come within `min_gap` metres of each other, as no real blocks can, in a
    frame or, if both went straight, within `min_pass` between two frames. Pairs that are seen almost so near
    in the start frame may stay so: only what comes `nearer` metres nearer is the clip's doing, not the
    tracker's error or the world's."""

    min_gap: float = field(kw_only=True)
    min_pass: float = field(default=0.0, kw_only=True)
    nearer: float = field(default=0.004, kw_only=True)

    def check_tracks(self, tracks: ClipTracks, subgoals: Sequence[str]) -> Reasons:
        first, second = np.triu_indices(len(tracks.names), 1)
        apart = tracks.xy[:, :, first] - tracks.xy[:, :, second]  # [N, T + 1, pairs, 2]
        both = tracks.present[:, :, first] & tracks.present[:, :, second]
        gap = np.linalg.norm(apart, axis=-1)
        least = np.where(both[:, :1], np.minimum(self.min_gap, gap[:, :1] - self.nearer), self.min_gap)
        passed = both[:, :-1] & (_nearest_to_zero(apart) < np.minimum(self.min_pass, least))
        found = [_first(wrong) for wrong in both[:, 1:] & ((gap[:, 1:] < least) | passed)]
        return [
            at
            and f"{tracks.names[first[at[1]]]} and {tracks.names[second[at[1]]]} overlap in frame {at[0] + 1}"
            for at in found
        ]


def _nearest_to_zero(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """How near to zero each straight way between points [N, T + 1, P, 2] comes: [N, T, P]."""
    start, way = points[:, :-1], np.diff(points, axis=1)
    length = np.maximum((way**2).sum(-1), 1e-12)
    share = np.clip(-(start * way).sum(-1) / length, 0, 1)
    return np.asarray(np.linalg.norm(start + share[..., None] * way, axis=-1), np.float32)


@dataclass(frozen=True)
class OutOfReachGuard(TrackGuard):
    """Drops clips that end with a block outside the rectangle from `low` to `high` (x, y in metres), from
    where nothing brings it back, unless it stood outside at the start."""

    low: tuple[float, float] = field(kw_only=True)
    high: tuple[float, float] = field(kw_only=True)

    def check_tracks(self, tracks: ClipTracks, subgoals: Sequence[str]) -> Reasons:
        inside = np.all((tracks.xy >= self.low) & (tracks.xy <= self.high), axis=-1)  # [N, T + 1, K]
        gone = inside[:, 0] & tracks.present[:, 0] & ~inside[:, -1] & tracks.present[:, -1]
        return [
            f"{tracks.names[int(row.argmax())]} ends at the edge, out of reach" if row.any() else None
            for row in gone
        ]


@dataclass(frozen=True)
class TrackGuards:
    """Several track guards on one tracking of each clip; the first reason found stands."""

    guards: Sequence[TrackGuard]

    def __post_init__(self) -> None:
        if not self.guards or any(guard.tracker is not self.guards[0].tracker for guard in self.guards):
            raise ValueError(
                f"TrackGuards: expected one or more guards with the same tracker, got {list(self.guards)}; "
                "give guards with different trackers to the search one by one"
            )

    def check(self, starts: Frames, clips: Frames, subgoals: Sequence[str]) -> Reasons:
        tracks = track_clips(self.guards[0].tracker, starts, clips)
        found = [guard.check_tracks(tracks, subgoals) for guard in self.guards]
        return [next((reason for reason in reasons if reason), None) for reasons in zip(*found, strict=True)]


def _last_seen(present: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For frames 1..T of bool [N, T + 1, K], the latest earlier frame in which the block was seen, or -1."""
    numbers = np.arange(present.shape[1])[None, :, None]
    return np.maximum.accumulate(np.where(present, numbers, -1), axis=1)[:, :-1]


def _first(wrong: NDArray[np.bool_]) -> tuple[int, int] | None:
    """The first frame, and in it the first block, that is wrong in bool [T, K]."""
    return divmod(int(wrong.argmax()), wrong.shape[1]) if wrong.any() else None
