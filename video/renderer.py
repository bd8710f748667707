"""From slots to pictures: a sprite for each slot, made by a small network and laid over a learned board.

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

from tasks.camera import CAMERAS
from tasks.slots import CENTER, PUSHER, SCALE, SLOTS

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
        self.sprite = nn.Sequential(_up(c, c), _up(c, c // 2), _up(c // 2, c // 4), nn.Conv2d(c // 4, 4, 3, 1, 1))
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
        local = points @ self.axes.T
        scale = self.focal / local[..., 2:]
        middle = torch.tensor([self.config.width / 2, self.config.height / 2], device=slots.device)
        return middle + local[..., :2] * scale * torch.tensor([1.0, -1.0], device=slots.device)

    def sprites(self, slots: Tensor, kinds: Tensor, fraction: Tensor) -> Tensor:
        """Colour and cover [M, 4, 32, 32] of single slots [M, 5] of given kinds [M], drawn `fraction`
        [M, 2] of a pixel off the sprite's middle."""
        given = torch.cat([self.embed(kinds), slots[:, 1:], fraction], -1)
        seed = self.seed(given).reshape(len(slots), -1, 4, 4)
        return torch.sigmoid(self.sprite(seed).float())

    def _lay(self, slots: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """For each slot kind: pictures it is in, rows and columns on the padded canvas, the sprites."""
        height, width = int(self.config.height), int(self.config.width)
        pixels = self.pixels(slots)
        corner = torch.floor(pixels)
        picture, kind = slots[..., 0].nonzero(as_tuple=True)
        drawn = self.sprites(slots[picture, kind], kind, (pixels - corner)[picture, kind]).permute(0, 2, 3, 1)
        span = torch.arange(SPRITE, device=slots.device) - SPRITE // 2 + SPRITE
        limit = torch.tensor([width + SPRITE - 1, height + SPRITE - 1], device=slots.device)
        corner = corner.nan_to_num().long().clamp(min=-(SPRITE // 2)).minimum(limit - SPRITE // 2)
        for slot in range(SLOTS):
            rows = (kind == slot).nonzero()[:, 0]
            if len(rows):
                at = picture[rows]
                y, x = corner[at, slot, 1:] + span, corner[at, slot, :1] + span
                yield at[:, None, None], y[:, :, None], x[:, None, :], drawn[rows]

    def forward(self, slots: Tensor) -> Tensor:
        """Slots [N, 17, 5] (presence 0 or 1) to pictures [N, 3, H, W]."""
        board = nn.functional.pad(self.board, (SPRITE,) * 4)
        canvas = board[None].repeat(len(slots), 1, 1, 1).permute(0, 2, 3, 1)
        for at, y, x, sprite in self._lay(slots):
            under = canvas[at, y, x]
            canvas = canvas.index_put((at, y, x), under + sprite[..., 3:] * (sprite[..., :3] - under))
        return canvas[:, SPRITE:-SPRITE, SPRITE:-SPRITE].permute(0, 3, 1, 2)

    def cover(self, slots: Tensor, chosen: Tensor) -> Tensor:
        """Where the chosen [N, 17] of slots [N, 17, 5] are and a pixel around, [N, 1, H, W] in 0..1."""
        shown = slots * chosen[..., None]
        height, width = int(self.config.height) + 2 * SPRITE, int(self.config.width) + 2 * SPRITE
        canvas = slots.new_zeros(len(slots), height, width, 1)
        for at, y, x, sprite in self._lay(shown):
            canvas[at, y, x] = torch.maximum(canvas[at, y, x], sprite[..., 3:])
        wide = nn.functional.max_pool2d(canvas.permute(0, 3, 1, 2), 3, 1, 1)
        return (2 * wide[:, :, SPRITE:-SPRITE, SPRITE:-SPRITE]).clamp(max=1)

    @torch.inference_mode()
    def imagine(self, frames: NDArray[np.uint8], first: Tensor, clips: Tensor) -> NDArray[np.uint8]:
        """First frames uint8 [N, H, W, 3], their slots [N, 17, 5] and future slots [N, T, 17, 5] to
        clips uint8 [N, T, H, W, 3]."""
        count, steps = clips.shape[:2]
        later, before = clips.flatten(0, 1), first[:, None].expand_as(clips).flatten(0, 1)
        moved = (later[..., 1:3] - before[..., 1:3]).abs().amax(-1) > STILL
        mask = torch.maximum(self.cover(before, moved), self.cover(later, moved))
        base = torch.from_numpy(np.ascontiguousarray(frames)).to(self.device).permute(0, 3, 1, 2).float() / 255
        base = base[:, None].expand(-1, steps, -1, -1, -1).flatten(0, 1)
        result = (base + mask * (self(later) - base)).clamp(0, 1) * 255
        return result.round().to(torch.uint8).unflatten(0, (count, steps)).permute(0, 1, 3, 4, 2).cpu().numpy()


def visible(slots: Tensor) -> Tensor:
    """Slots with absent ones zeroed, as the renderer expects; the pusher is always there and has no turn."""
    present = (slots[..., :1] > 0.5).to(slots.dtype)
    present[..., PUSHER, :] = 1
    result = torch.cat([present, slots[..., 1:] * present], -1)
    result[..., PUSHER, 3:] = 0
    return result
