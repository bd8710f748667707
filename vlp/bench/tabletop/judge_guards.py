"""Guards of the judge that a planner does not have: doubles, and blocks that move
with nothing to push them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from planner import Frames
from tasks.tabletop.seeing.encoder import PoseProbe, SlotEncoder, tidy
from tasks.tabletop.seeing.slots import PUSHER

Reasons = list[str | None]
APART = 14.0
"""Pixels (some 8 cm) from where a block is seen most, beyond which what looks like it is a second one."""
SECOND = 0.3
"""Share of a block's heatmap beyond that. A block and its double have about half each, one block alone has
hardly any unless the pusher hides most of it."""
MOVED = 0.03
"""Metres that a block must go between two frames to have moved."""
NEAR_PUSHER = 0.085
"""Metres between the pusher's way and the block's; they touch at 0.045 at most, and ways are no straight
lines."""
NEAR_BLOCK = 0.08
"""Metres between the centres of a block and one that pushes it on."""


class PeakEye:
    """Sees each block where its heatmap is highest. The encoder's own places are means over the heatmap,
    which lie between the two places where a block is doubled, or where another one may be taken for it.

    Args:
        encoder: from pictures to heatmaps and slots.
    """

    def __init__(self, encoder: SlotEncoder) -> None:
        self._encoder = encoder

    @torch.inference_mode()
    def see(self, frames: Frames) -> NDArray[np.float32]:
        """Frames uint8 [N, H, W, 3] to slots [N, 17, 5], as `SlotEncoder.see`."""
        heat, values = self._heat(frames)
        heat[..., :-1].masked_fill_(torch.from_numpy(self._far(heat)).to(heat.device), -torch.inf)
        return np.asarray(tidy(self._encoder.read(heat.log_softmax(-1), values)).cpu().numpy())

    @torch.inference_mode()
    def second(self, frames: Frames) -> NDArray[np.float32]:
        """Share [N, 16] of each block's heatmap that is far from its peak, in 0..1."""
        heat, _ = self._heat(frames)
        chance = heat[..., :-1].exp().cpu().numpy()  # the last cell is "nowhere"
        return np.asarray((chance * self._far(heat)).sum(-1)[:, :PUSHER], np.float32)

    def _heat(self, frames: Frames) -> tuple[Tensor, Tensor]:
        pictures = torch.from_numpy(np.ascontiguousarray(frames)).to(self._encoder.device)
        return self._encoder.heat(pictures.permute(0, 3, 1, 2).to(self._encoder.dtype) / 255)

    def _far(self, heat: Tensor) -> NDArray[np.bool_]:
        """Which cells [N, 17, cells] are more than APART pixels from the peak of [N, 17, cells + 1]."""
        grid = self._encoder.grid.cpu().numpy()  # [cells, 2], pixels
        peaks = grid[heat[..., :-1].argmax(-1).cpu().numpy()]
        return np.asarray(np.linalg.norm(peaks[:, :, None] - grid, axis=-1) > APART)


class DoubledGuard:
    """Drops clips in which a block is seen in two places at once."""

    def __init__(self, eye: PeakEye) -> None:
        self._eye = eye

    def check(self, starts: Frames, clips: Frames, subgoals: Sequence[str]) -> Reasons:
        return [_named(self._eye.second(clip) > SECOND, "is there twice") for clip in clips]


class MovedAloneGuard:
    """Drops clips in which a block moves though neither the pusher nor a moving block is near it.

    Args:
        probe: tells where the blocks and the pusher are.
    """

    def __init__(self, probe: PoseProbe) -> None:
        self._probe = probe

    def check(self, starts: Frames, clips: Frames, subgoals: Sequence[str]) -> Reasons:
        return [
            self._clip(np.concatenate([start[None], clip])) for start, clip in zip(starts, clips, strict=True)
        ]

    def _clip(self, frames: Frames) -> str | None:
        present, where = self._probe.places(frames)
        both = present[:-1, :PUSHER] & present[1:, :PUSHER]  # [T, 16]
        gone = np.linalg.norm(where[1:, :PUSHER] - where[:-1, :PUSHER], axis=-1)
        moving = both & (gone > MOVED / 3)
        alone = [
            both[t] & (gone[t] > MOVED) & ~_pushed(where[t], where[t + 1], moving[t])
            for t in range(len(frames) - 1)
        ]
        return _named(np.array(alone), "moved with nothing near to push it")


def _pushed(
    before: NDArray[np.float32], after: NDArray[np.float32], moving: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether each block, places [17, 2] at two frames and which ones moved [16], had something near it."""
    along = np.linspace(0.0, 1.0, 7)[:, None, None]
    ways = before + along * (after - before)  # [7, 17, 2]
    apart = np.linalg.norm(
        ways[:, None, :PUSHER] - ways[None, :, PUSHER:], axis=-1
    )  # any time with any other
    near = apart.min(axis=(0, 1)) < NEAR_PUSHER
    gaps = np.linalg.norm(ways[:, :PUSHER, None] - ways[:, None, :PUSHER], axis=-1).min(0)  # [16, 16]
    np.fill_diagonal(gaps, np.inf)
    return np.asarray(near | ((gaps < NEAR_BLOCK) & moving).any(1))


def _named(wrong: NDArray[np.bool_], what: str) -> str | None:
    """wrong: bool [T, 16]; the first frame and block of which something is to be said."""
    if not wrong.any():
        return None
    frame, block = divmod(int(wrong.argmax()), wrong.shape[1])
    return f"{PoseProbe.names[block]} {what} in frame {frame + 1}"
