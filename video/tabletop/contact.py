"""Contact: what moves in an imagined clip is set back to where it touches, so that nothing overlaps.

The denoiser is off by some millimetres at each slot, so that one imagined pusher in five would stand in the
block that it pushes, and hide it from the camera, as no real one can; and a block pushed up to another would
often end in it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tasks.tabletop.seeing.slots import PUSHER, SCALE
from tasks.tabletop.world.board import KINDS, shape_of

RADIUS = {"cube": 0.0208, "moon": 0.0138, "star": 0.0179, "pentagon": 0.0178}
PUSHER_RADIUS = 0.0127
"""Metres: in contact, centres are at least the sum of two of these apart. Measured in the rollouts, where one
contact in a hundred is nearer, by less than a millimetre."""
MOVES = 0.01
"""Metres that the block must go, in some frame, which is set back from others."""
LEAN = 0.006
"""Metres by which the way out leans to where things came from; tells which way is out of a block's middle."""
PASSES = 6
"""Out of one block may be into the next."""
CROSSED = 0.8
"""Share of a contact's distance that the straight way between two frames keeps from a block: ways bend."""
BENDS = 20
"""Times that a way gives way."""


def set_apart(first: Tensor, clips: Tensor) -> Tensor:
    """First slots [N, 17, 5] and clips [N, T, 17, 5] to clips in which neither the block that moves most
    nor the pusher stands in a block, and that block goes round what was in its way."""
    scale = torch.tensor(SCALE, device=clips.device, dtype=clips.dtype)
    radius = torch.tensor([RADIUS[shape_of(kind)] for kind in KINDS], device=clips.device)
    where, begun = clips[..., 1:3] * scale, first[:, None, :, 1:3] * scale
    there = clips[..., :PUSHER, 0] > 0.5
    blocks, pusher = where[..., :PUSHER, :], where[..., PUSHER, :]
    gone = (blocks - begun[..., :PUSHER, :]) * there[..., None]
    far = gone.norm(dim=-1)
    rows, mover = torch.arange(len(clips), device=clips.device), far.amax(1).argmax(1)
    one = torch.zeros_like(there).scatter_(2, mover[:, None, None].expand(-1, there.shape[1], 1), True)
    # What was seen nearer than that at the start is taken to be so.
    apart = (begun[..., :PUSHER, :] - begun[rows, :, mover][:, :, None]).norm(dim=-1)
    touch = torch.minimum(radius[mover][:, None, None] + radius, apart)
    back = -torch.nn.functional.normalize(gone[rows, :, mover], dim=-1)[:, :, None]
    moves = far.amax(1)[rows, mover] > MOVES
    own = blocks[rows, :, mover]
    hard = there & ~one & moves[:, None, None]
    free = _out(own, blocks, touch, hard, back)
    free = _round(begun[rows, :, mover], free, blocks, touch, hard)
    blocks = torch.where(one[..., None], free[:, :, None], blocks)
    back = -torch.nn.functional.normalize(gone, dim=-1) * (far > MOVES)[..., None]
    pusher = _out(pusher, blocks, (radius + PUSHER_RADIUS).expand_as(far), there, back)
    result = clips.clone()
    result[rows, :, mover, 1:3] = free / scale
    result[..., PUSHER, 1:3] = pusher / scale
    return result


def _out(point: Tensor, others: Tensor, touch: Tensor, there: Tensor, back: Tensor) -> Tensor:
    """Points [N, T, 2] moved out of the discs of radius `touch` [N, T or 1, K] about `others` [N, T, K, 2]
    that are `there`, the deepest first; `back` [N, T, K or 1, 2] are unit vectors to lean to."""
    back, touch = back.expand_as(others), touch.expand_as(there)
    for _ in range(PASSES):
        gap = point[..., None, :] - others
        depth = torch.where(there, touch - gap.norm(dim=-1), -1.0)
        deepest = depth.argmax(-1, keepdim=True)
        take = deepest[..., None].expand(*deepest.shape, 2)
        way = torch.nn.functional.normalize((gap + LEAN * back).gather(-2, take)[..., 0, :], dim=-1)
        out = others.gather(-2, take)[..., 0, :] + way * touch.gather(-1, deepest)
        point = torch.where(depth.gather(-1, deepest) > 0, out, point)
    return point


def _round(begun: Tensor, way: Tensor, others: Tensor, touch: Tensor, there: Tensor) -> Tensor:
    """A way [N, T, 2] from `begun` [N, 1, 2] bent round the discs about `others` [N, T, K, 2] that its
    straight pieces would cross: each piece's ends give way by as much as they have a part in it, again and
    again (position-based dynamics: Mueller et al., "Position based dynamics", 2007). Where it begins and
    ends it stays."""
    whole = torch.cat([begun, way], 1)
    held = torch.ones(whole.shape[1], device=way.device)
    held[0] = held[-1] = 0.0
    for _ in range(BENDS):
        piece = whole[:, 1:] - whole[:, :-1]
        gap = whole[:, :-1, None] - others
        share = -(gap * piece[:, :, None]).sum(-1) / piece.square().sum(-1, keepdim=True).clamp(min=1e-8)
        share = share.clamp(0, 1)
        near = gap + share[..., None] * piece[:, :, None]
        depth = torch.where(there, CROSSED * touch - near.norm(dim=-1), -1.0)
        depth, deepest = depth.max(-1, keepdim=True)
        share = share.gather(-1, deepest)
        near = near.gather(-2, deepest[..., None].expand(*deepest.shape, 2))[..., 0, :]
        parts = torch.cat([(1 - share) * held[:-1, None], share * held[1:, None]], -1)  # [N, T, 2]
        give = parts / parts.square().sum(-1, keepdim=True).clamp(min=0.25)
        move = torch.nn.functional.normalize(near, dim=-1) * depth.clamp(min=0)
        whole[:, :-1] += move * give[..., :1]
        whole[:, 1:] += move * give[..., 1:]
    return whole[:, 1:]
