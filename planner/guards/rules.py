"""Guards of an operator's standing rules on clips: what must stay, what must be kept clear.

Frames are numbered as one watches them: frame 0 is the start frame, 1..T are the clip.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.guards.pixels import Reasons
from planner.guards.tracks import ClipTracks, TrackGuard

Region = Callable[[NDArray[Any]], NDArray[np.bool_]]
"""Points [..., 2] in metres to whether each lies in a region, bool [...]."""
_TURNS = np.linspace(0, 2 * np.pi, 8, endpoint=False)
_AROUND = np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=1)


@dataclass(frozen=True)
class StillGuard(TrackGuard):
    """Drops clips in which one of some blocks is seen more than `tolerance` metres from where it starts.

    A block that is hidden has not moved; `VanishGuard` drops clips that lose one.
    """

    blocks: tuple[str, ...] = field(kw_only=True)
    tolerance: float = field(default=0.012, kw_only=True)

    def check_tracks(self, tracks: ClipTracks, subgoals: Sequence[str]) -> Reasons:
        stays = np.array([name in self.blocks for name in tracks.names], dtype=np.bool_)
        seen = tracks.present[:, :1] & tracks.present[:, 1:] & stays  # [N, T, K]
        moved = np.linalg.norm(tracks.xy[:, 1:] - tracks.xy[:, :1], axis=-1)
        farthest = np.where(seen, moved, 0.0).max(axis=1)  # [N, K]
        words = "{} moved {:.2f} m, which a rule forbids"
        return [
            words.format(tracks.names[far.argmax()], far.max()) if far.max() > self.tolerance else None
            for far in farthest
        ]


@dataclass(frozen=True)
class KeepClearGuard(TrackGuard):
    """Drops clips in which a block that starts outside a region comes more than `tolerance` metres into it.

    inside: tells which points lie in the region; words: what it is called, such as "the left side".
    """

    inside: Region = field(kw_only=True)
    words: str = field(kw_only=True)
    tolerance: float = field(default=0.005, kw_only=True)

    def check_tracks(self, tracks: ClipTracks, subgoals: Sequence[str]) -> Reasons:
        begun = tracks.present[:, :1] & ~self.inside(tracks.xy[:, :1])
        around = tracks.xy[:, 1:, :, None] + self.tolerance * _AROUND
        deep = self.inside(around).all(axis=-1)  # [N, T, K]
        entered = np.asarray(begun & tracks.present[:, 1:] & deep)
        return [self._reason(clip, tracks.names) for clip in entered]

    def _reason(self, entered: NDArray[np.bool_], names: tuple[str, ...]) -> str | None:
        """entered: bool [T, K] of one clip."""
        if not entered.any():
            return None
        frame, block = divmod(int(entered.argmax()), entered.shape[1])
        return f"{names[block]} enters {self.words} in frame {frame + 1}, which a rule keeps clear"
