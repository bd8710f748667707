"""Nothing stands in anything else: the pusher of an imagined board is set back to where it touches a block.

The denoiser is off by some millimetres at each slot, so that one imagined pusher in five would stand in the
block that it pushes, and hide it from the camera, as no real one can.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tasks.board import KINDS, shape_of
from tasks.slots import PUSHER, SCALE

TOUCH = {"cube": 0.0335, "moon": 0.0264, "star": 0.0304, "pentagon": 0.0305}
"""Metres between the pusher's centre and a block's in contact, at least; measured in 60,000 control steps of
rollouts (one in a thousand came nearer, by less than half a millimetre)."""
BEHIND = 0.006
"""Metres by which the way out leans to behind a block that moves; tells which way is out of its middle."""
PASSES = 6
"""Out of one block may be into the next."""


def set_back(first: Tensor, clips: Tensor) -> Tensor:
    """First slots [N, 17, 5] and clips [N, T, 17, 5] to clips whose pusher stands in no block."""
    scale = torch.tensor(SCALE, device=clips.device, dtype=clips.dtype)
    touch = torch.tensor([TOUCH[shape_of(kind)] for kind in KINDS], device=clips.device)
    where = clips[..., 1:3] * scale
    blocks, pusher = where[..., :PUSHER, :], where[..., PUSHER, :]
    gone = blocks - (first[:, None, :PUSHER, 1:3] * scale)
    back = -torch.nn.functional.normalize(gone, dim=-1) * (gone.norm(dim=-1, keepdim=True) > 0.01)
    for _ in range(PASSES):
        gap = pusher[..., None, :] - blocks
        depth = (touch - gap.norm(dim=-1)) * (clips[..., :PUSHER, 0] > 0.5)
        deepest = depth.argmax(-1, keepdim=True)
        take = deepest[..., None].expand(*deepest.shape, 2)
        way = torch.nn.functional.normalize((gap + BEHIND * back).gather(-2, take)[..., 0, :], dim=-1)
        out = blocks.gather(-2, take)[..., 0, :] + way * touch[deepest]
        pusher = torch.where(depth.gather(-1, deepest) > 0, out, pusher)
    result = clips.clone()
    result[..., PUSHER, 1:3] = pusher / scale
    return result
