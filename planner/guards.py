"""Guards: rules that drop clips which cheat, each with its reason in words.

Frames are numbered as one watches them: frame 0 is the start frame, 1..T are the clip.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.protocols import Tracker
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
    """Drops clips in which two blocks stand within `min_gap` metres of each other, as no real blocks can."""

    min_gap: float = field(kw_only=True)

    def check_tracks(self, tracks: ClipTracks, subgoals: Sequence[str]) -> Reasons:
        first, second = np.triu_indices(len(tracks.names), 1)
        gap = np.linalg.norm(tracks.xy[:, 1:, first] - tracks.xy[:, 1:, second], axis=-1)
        both = tracks.present[:, 1:, first] & tracks.present[:, 1:, second]
        found = [_first(wrong) for wrong in both & (gap < self.min_gap)]
        return [
            at
            and f"{tracks.names[first[at[1]]]} and {tracks.names[second[at[1]]]} overlap in frame {at[0] + 1}"
            for at in found
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
