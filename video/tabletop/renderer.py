"""Sprite renderer, from slots to pictures: a small network's sprite a slot, over a learned board.

In a clip only the neighbourhood of what moves is drawn, where it was and where it is; all else is
copied from the first frame to the letter.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from numpy.typing import NDArray
from torch import Tensor, nn

from tasks.learning.precision import fast
from tasks.tabletop.seeing.slots import CENTER, PUSHER, SCALE, SLOTS
from tasks.tabletop.world.camera import CAMERAS

SPRITE = 32
_GROUND = 0.019
STILL = 0.008
"""Slots that move less than this (about 2 mm) are taken to stand still."""


def _up(channels_in: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Conv2d(channels_in, channels, 3, 1, 1),
        nn.GroupNorm(8, channels),
        nn.SiLU(inplace=True),
    )


class SlotRenderer(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Draws slots [N, 17, 5] as pictures [N, 3, H, W] in 0..1.

    Args:
        height, width: size of the pictures, pixels.
        channels: of the sprite network's widest level.
        camera: name of the view.
    """

    @register_to_config
    def __init__(self, height: int = 96, width: int = 128, channels: int = 64, camera: str = "board") -> None:
        super().__init__()
        c = channels
        self.embed = nn.Embedding(SLOTS, 32)
        self.seed = nn.Sequential(nn.Linear(32 + 6, 256), nn.SiLU(), nn.Linear(256, c * 16))
        self.sprite = nn.Sequential(
            _up(c, c), _up(c, c // 2), _up(c // 2, c // 4), nn.Conv2d(c // 4, 4, 3, 1, 1)
        )
        self.board = nn.Parameter(torch.full((3, height, width), 0.7))
        view = CAMERAS[camera]
        self.register_buffer("axes", torch.tensor(view.axes(), dtype=torch.float32), persistent=False)
        self.register_buffer("eye", torch.tensor(view.position), persistent=False)
        self.register_buffer("center", torch.tensor(CENTER), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE), persistent=False)
        self.focal = view.focal * height

    def pixels(self, slots: Tensor) -> Tensor:
        """Where slots [..., 5] stand in the picture, [..., 2] pixels (column, row)."""
        xy = slots[..., 1:3] * self.scale + self.center
        points = torch.cat([xy, torch.full_like(xy[..., :1], _GROUND)], -1) - self.eye
        local: Tensor = points @ self.axes.T
        scale = self.focal / local[..., 2:]
        middle = torch.tensor([self.config.width / 2, self.config.height / 2], device=slots.device)
        return middle + local[..., :2] * scale * torch.tensor([1.0, -1.0], device=slots.device)

    def sprites(self, slots: Tensor, kinds: Tensor, fraction: Tensor) -> Tensor:
        """Colour and cover [M, 4, 32, 32] of single slots [M, 5] of given kinds [M], drawn `fraction`
        [M, 2] of a pixel off the sprite's middle."""
        given = torch.cat([self.embed(kinds), slots[:, 1:], fraction], -1)
        seed = self.seed(given).reshape(len(slots), -1, 4, 4)
        return torch.sigmoid(self.sprite(seed).float())

    def _sprites(self, slots: Tensor, kinds: Tensor, fraction: Tensor) -> Tensor:
        """`sprites`, where nothing is to be learned: those that are the same are made once."""
        if torch.is_grad_enabled():
            return self.sprites(slots, kinds, fraction)
        rows = torch.cat([kinds[:, None], slots, fraction], -1)
        rows, back = rows.unique(dim=0, return_inverse=True)  # type: ignore[no-untyped-call]
        return self.sprites(rows[:, 1:6], rows[:, 0].long(), rows[:, 6:])[back]

    def _lay(self, slots: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor, int]]:
        """For each slot kind: pictures it is in, rows and columns on the padded canvas, the sprites."""
        height, width = int(self.config.height), int(self.config.width)
        pixels = self.pixels(slots)
        corner = torch.floor(pixels)
        picture, kind = slots[..., 0].nonzero(as_tuple=True)
        if not len(picture):
            return
        drawn = self._sprites(slots[picture, kind], kind, (pixels - corner)[picture, kind]).permute(
            0, 2, 3, 1
        )
        span = torch.arange(SPRITE, device=slots.device) - SPRITE // 2 + SPRITE
        limit = torch.tensor([width + SPRITE - 1, height + SPRITE - 1], device=slots.device)
        corner = corner.nan_to_num().long().clamp(min=-(SPRITE // 2)).minimum(limit - SPRITE // 2)
        for slot in range(SLOTS):
            rows = (kind == slot).nonzero()[:, 0]
            if len(rows):
                at = picture[rows]
                y, x = corner[at, slot, 1:] + span, corner[at, slot, :1] + span
                yield at[:, None, None], y[:, :, None], x[:, None, :], drawn[rows], slot

    def _draw(self, slots: Tensor, chosen: Tensor) -> Tensor:
        """Pictures of slots [N, 17, 5] and, as a fourth channel, where the chosen ones [N, 17] of them are,
        on the padded canvas [N, H + 64, W + 64, 4]."""
        board = nn.functional.pad(self.board, (SPRITE,) * 4).permute(1, 2, 0)
        blank = torch.cat([board, torch.zeros_like(board[..., :1])], -1)
        canvas = blank[None].repeat(len(slots), 1, 1, 1)
        for at, y, x, sprite, slot in self._lay(slots):
            under, cover = canvas[at, y, x], sprite[..., 3:]
            color = under[..., :3] + cover * (sprite[..., :3] - under[..., :3])
            shown = torch.maximum(under[..., 3:], cover * chosen[at, slot][..., None])
            canvas.index_put_((at, y, x), torch.cat([color, shown], -1))
        return canvas

    def forward(self, slots: Tensor) -> Tensor:
        """Slots [N, 17, 5] (presence 0 or 1) to pictures [N, 3, H, W]."""
        return _inner(self._draw(slots, slots.new_zeros(slots.shape[:2])))[:, :3]

    @torch.inference_mode()
    def imagine(self, frames: NDArray[np.uint8], first: Tensor, clips: Tensor) -> NDArray[np.uint8]:
        """First frames uint8 [N, H, W, 3], their slots [N, 17, 5] and future slots [N, T, 17, 5] to
        clips uint8 [N, T, H, W, 3]."""
        moved = ((clips[..., 1:3] - first[:, None, :, 1:3]).abs().amax(-1) > STILL).to(first.dtype)
        # What stands still is drawn, where something passes it, as it stood.
        clips = torch.where(moved[..., None] > 0, clips, first[:, None])
        with fast(self.device.type):
            before = _inner(self._draw(first, moved.amax(1)))[:, None, 3:]
            drawn = _inner(self._draw(clips.flatten(0, 1), moved.flatten(0, 1)))
            later = drawn.unflatten(0, clips.shape[:2])  # type: ignore[no-untyped-call]
        mask = torch.maximum(_wide(before), _wide(later[:, :, 3:]))
        base = torch.from_numpy(np.ascontiguousarray(frames)).to(self.device).permute(0, 3, 1, 2)
        base = (base.float() / 255)[:, None]
        result = (base + mask * (later[:, :, :3] - base)).clamp(0, 1) * 255
        return np.asarray(result.round().to(torch.uint8).permute(0, 1, 3, 4, 2).cpu().numpy())


def _inner(canvas: Tensor) -> Tensor:
    """A padded canvas [N, H + 64, W + 64, C] to pictures [N, C, H, W]."""
    return canvas[:, SPRITE:-SPRITE, SPRITE:-SPRITE].permute(0, 3, 1, 2)


def _wide(cover: Tensor) -> Tensor:
    """Cover [N, T, 1, H, W] grown by a pixel and made firm."""
    pooled = nn.functional.max_pool2d(cover.flatten(0, 1).float(), 3, 1, 1)
    wide: Tensor = pooled.unflatten(0, cover.shape[:2])  # type: ignore[no-untyped-call]
    return (2 * wide).clamp(max=1)


def visible(slots: Tensor) -> Tensor:
    """Slots with absent ones zeroed, as the renderer expects; the pusher is always there and has no turn."""
    present = (slots[..., :1] > 0.5).to(slots.dtype)
    present[..., PUSHER, :] = 1
    result = torch.cat([present, slots[..., 1:] * present], -1)
    result[..., PUSHER, 3:] = 0
    return result
