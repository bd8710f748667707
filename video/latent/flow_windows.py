"""What flows learn from: consecutive frames with what was sent between them, whole and in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from video.latent.clips import Scale
from video.latent.store import FrameStore

TOLD, AHEAD, LONG = 2, 5, 25
"""Beats of samples that are told what is true at each, of what is rolled on at a time, and of the windows in
which that is done."""
PIECE: Final = (48, 48)
"""Height and width of a piece, pixels at most."""
PIECES, LONGS, ALONE = 0.85, 0.7, 0.2
"""Shares of batches that are pieces; that are windows, where these are rolled on; and of samples whose frame
before is not known, nor what was sent then, as where a plan begins."""
WHOLE: Final = 4
"""Times that whole frames are fewer in a batch than pieces, of which they are some five."""
CHANGED, BESIDE = 24, 9
"""Difference of a pixel, 0..255, that is no noise; pixels that a piece lies beside one that changed."""


class FlowWindows:
    """Samples of a store's episodes.

    Args:
        beat: control steps from frame to frame.
    """

    def __init__(self, store: FrameStore, scale: Scale, beat: int) -> None:
        self._store, self._scale, self.beat = store, scale, beat
        lengths = store.stop - store.start
        self._first, self._stop = (np.repeat(value, lengths) for value in (store.start, store.stop))
        self.begin_at(np.arange(len(store)))
        height, width = store.frames.shape[1:3]
        self.piece = min(PIECE[0], height), min(PIECE[1], width)
        """Height and width."""

    def __len__(self) -> int:
        return len(self.starts)

    def begin_at(self, starts: NDArray[np.int64]) -> None:
        """Let samples begin at these frames alone, where actions come after them."""
        good = (starts + TOLD * self.beat < self._stop[starts]) & self._store.acted[starts]
        self.starts: NDArray[np.int64] = starts[good]

    def at(
        self,
        starts: NDArray[np.int64],
        beats: int,
        corners: NDArray[np.int64] | None = None,
        alone: NDArray[np.bool_] | None = None,
    ) -> dict[str, Tensor]:
        """From frames `starts` [N]: pictures uint8 [N, beats + 2, 3, H, W], the first a beat before; what was
        sent in each beat and the one before it [N, beats, 2 * beat * A]; and how many beats lie within the
        episode [N]. Pieces that begin at upper left `corners` [N, 2] where there are some; nothing is known
        of what was before those that begin `alone` [N]."""
        beat, first, stop = self.beat, self._first[starts][:, None], self._stop[starts][:, None]
        frames = np.clip(starts[:, None] + beat * np.arange(-1, beats + 1), first, stop - 1)
        steps = starts[:, None] + np.arange(-beat, beat * beats)
        inside = (steps >= first) & (steps < stop)
        sent = torch.from_numpy(self._store.actions[np.clip(steps, first, stop - 1)] * inside[..., None])
        sent = (sent - self._scale.action_mean) / self._scale.action_std
        sent = sent.reshape(len(starts), beats + 1, -1).float()
        if alone is not None:
            frames[alone, 0] = starts[alone]
            sent[alone, 0] = -(self._scale.action_mean / self._scale.action_std).repeat(beat)
        return {
            "pictures": torch.from_numpy(self._cut(frames, corners)).permute(0, 1, 4, 2, 3),
            "sent": torch.cat([sent[:, :-1], sent[:, 1:]], -1),
            "beats": torch.from_numpy((stop[:, 0] - 1 - starts) // beat).clamp(max=beats),
        }

    def _cut(self, frames: NDArray[np.int64], corners: NDArray[np.int64] | None) -> NDArray[np.uint8]:
        pictures = self._store.frames
        if corners is None:
            return np.asarray(pictures[frames.ravel()]).reshape(*frames.shape, *pictures.shape[1:])
        height, width = self.piece
        return np.stack(
            [
                pictures[row][:, y : y + height, x : x + width]
                for row, (y, x) in zip(frames, corners, strict=True)
            ]
        )

    def corners(self, starts: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Where pieces begin [N, 2]: around a pixel that changes, where there is one."""
        height, width = self.piece
        rows, columns = self._store.frames.shape[1:3]
        found = []
        for start in starts:
            now, then = (self._store.frames[start + k].astype(np.int16) for k in (0, self.beat))
            changed = np.flatnonzero(np.abs(now - then).max(-1) > CHANGED)
            at = int(rng.choice(changed)) if len(changed) else int(rng.integers(rows * columns))
            y, x = np.array(divmod(at, columns)) + rng.integers(1 - BESIDE, BESIDE, 2)
            found.append(
                (np.clip(y - height // 2, 0, rows - height), np.clip(x - width // 2, 0, columns - width))
            )
        return np.array(found)

    def batches(self, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """Random samples of TOLD beats for ever: `size` pieces, or a fourth as many whole frames."""
        rng = np.random.default_rng(seed)
        while True:
            pieces = rng.random() < PIECES
            starts = rng.choice(self.starts, size if pieces else max(1, size // WHOLE))
            corners = self.corners(starts, rng) if pieces else None
            yield self.at(starts, TOLD, corners, rng.random(len(starts)) < ALONE)

    def long(self, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """As batches, but mostly windows of LONG beats, as many as whole frames."""
        rng, short = np.random.default_rng(seed), self.batches(size, seed)
        while True:
            if rng.random() < LONGS:
                starts = rng.choice(self.starts, max(1, size // WHOLE))
                yield self.at(starts, LONG, None, rng.random(len(starts)) < ALONE)
            else:
                yield next(short)
