"""Slot encoder: a small convolutional network with one heatmap a slot.

Each slot's place is the expectation of its heatmap (integral regression: Sun et al., "Integral Human
Pose Regression", 2018) plus a learned offset, mapped to metres by the camera's homography; one more
"nowhere" cell takes the mass of absent slots.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from numpy.typing import NDArray
from torch import Tensor, nn

from tasks.tabletop.seeing.slots import CENTER, PUSHER, SCALE, SLOTS, places
from tasks.tabletop.world.board import BLOCK_HEIGHT, KINDS
from tasks.tabletop.world.camera import CAMERAS

STRIDE = 4
RADIUS = 8.0
"""Pixels around a heatmap's peak, about two blocks' half widths."""
_HEIGHTS = (BLOCK_HEIGHT,) * PUSHER + (0.094,)


def _block(channels_in: int, channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, 3, stride, 1), nn.GroupNorm(8, channels), nn.SiLU(inplace=True)
    )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_block(channels, channels), nn.Conv2d(channels, channels, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_tensor(x + self.body(x))


class SlotEncoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Pictures of the board to slots.

    Args:
        height, width: size of the pictures, pixels.
        width_multiplier: channels of the stem; the deeper levels have 2 and 4 times as many.
        camera: name of the view.
    """

    @register_to_config
    def __init__(self, height: int = 96, width: int = 128, channels: int = 40, camera: str = "board") -> None:
        super().__init__()
        c = channels
        self.stem = nn.Sequential(_block(3, c, 2), _block(c, c), _block(c, 2 * c, 2), _Residual(2 * c))
        self.deep = nn.Sequential(_block(2 * c, 4 * c, 2), _Residual(4 * c), _Residual(4 * c))
        self.up = nn.Sequential(nn.Conv2d(4 * c, 2 * c, 1), nn.Upsample(scale_factor=2, mode="nearest"))
        self.mix = nn.Sequential(_Residual(2 * c), nn.GroupNorm(8, 2 * c), nn.SiLU())
        self.head = nn.Conv2d(2 * c, SLOTS * 5, 1)
        self.nowhere = nn.Parameter(torch.zeros(SLOTS))
        for name, value in self._geometry().items():
            self.register_buffer(name, value, persistent=False)

    def _geometry(self) -> dict[str, Tensor]:
        """What follows from the pictures' size and the camera alone, so it is not kept with the weights."""
        height, width = int(self.config.height), int(self.config.width)
        rows, columns = height // STRIDE, width // STRIDE
        grid = torch.stack(torch.meshgrid(torch.arange(columns), torch.arange(rows), indexing="xy"), -1)
        planes = [CAMERAS[self.config.camera].plane_homography(height, width, z) for z in _HEIGHTS]
        return {
            "grid": (grid.float() + 0.5).reshape(-1, 2) * STRIDE,
            "planes": torch.tensor(np.array(planes), dtype=torch.float32),
            "center": torch.tensor(CENTER),
            "scale": torch.tensor(SCALE),
        }

    def restore_geometry(self) -> None:
        """Set the geometry again, for loaders that build models without it."""
        for name, value in self._geometry().items():
            setattr(self, name, value)

    def heat(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures [N, 3, H, W] in 0..1 to log-probabilities [N, 17, cells + 1] (last: nowhere) and
        the other maps [N, 17, 4, cells]: offset in strides, cos, sin."""
        low = self.stem(pictures - 0.5)
        out = self.head(self.mix(low + self.up(self.deep(low)))).float()
        out = out.reshape(len(out), SLOTS, 5, -1)
        nowhere = self.nowhere[None, :, None].expand(len(out), -1, 1)
        return torch.log_softmax(torch.cat([out[:, :, 0], nowhere], -1), -1), out[:, :, 1:]

    def read(self, log_heat: Tensor, maps: Tensor, radius: float | None = None) -> Tensor:
        """Heat and maps to slots [N, 17, 5]; presence is soft, absent slots are not zeroed.

        With `radius`, in pixels, only the heat that near to its peak tells the place: where one block is half
        taken for another beside it, the mean over all would lie between the two.
        """
        heat = log_heat[..., :-1].exp()
        present = heat.sum(-1, keepdim=True)
        if radius is not None:
            peak = self.grid[heat.argmax(-1)]
            heat = heat * ((self.grid - peak[..., None, :]).norm(dim=-1) <= radius)
        share = heat / heat.sum(-1, keepdim=True).clamp(min=1e-4)
        values = (share[:, :, None] * maps).sum(-1)
        pixels = share @ self.grid + values[..., :2] * STRIDE
        ones = torch.ones_like(pixels[..., :1])
        plane = torch.einsum("kij,nkj->nki", self.planes, torch.cat([pixels, ones], -1))
        metres = plane[..., :2] / plane[..., 2:]
        return torch.cat([present, (metres - self.center) / self.scale, values[..., 2:]], -1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures [N, 3, H, W] in 0..1 to slots [N, 17, 5]."""
        return self.read(*self.heat(pictures), RADIUS)

    @torch.inference_mode()
    def see(self, frames: NDArray[np.uint8], batch: int = 64) -> NDArray[np.float32]:
        """Frames uint8 [N, H, W, 3] to slots [N, 17, 5]: presence 0 or 1, absent slots zero."""
        found = []
        for start in range(0, len(frames), batch):
            chunk = torch.from_numpy(np.ascontiguousarray(frames[start : start + batch])).to(self.device)
            slots = self(chunk.permute(0, 3, 1, 2).to(self.dtype) / 255)
            found.append(tidy(slots))
        return torch.cat(found).float().cpu().numpy()


def tidy(slots: Tensor) -> Tensor:
    """Soft slots [..., 17, 5] with presence rounded, (cos, sin) of length one, absent slots zero."""
    present = (slots[..., :1] > 0.5).to(slots.dtype)
    turn = nn.functional.normalize(slots[..., 3:], dim=-1)
    is_block = torch.ones(SLOTS, 1, dtype=slots.dtype, device=slots.device)
    is_block[PUSHER] = 0
    return present * torch.cat([present, slots[..., 1:3], turn * is_block], -1)


def distinct(frames: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Of frames [N, H, W, 3], those that differ [M, H, W, 3] in the order in which they come first, and
    which of them each frame is [N]."""
    number: dict[bytes, int] = {}
    back = np.array([number.setdefault(frame.tobytes(), len(number)) for frame in frames], np.intp)
    _, first = np.unique(back, return_index=True)
    return frames[first], back


class Eye(Protocol):
    """Anything that sees as a slot encoder does."""

    def see(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Frames uint8 [N, H, W, 3] to slots [N, 17, 5]."""
        ...


class Remembering:
    """An eye that does not look again at frames that it saw among the last `most`.

    Args:
        eye: the one that looks.
        most: frames kept; 40 kB each at 96 x 128 pixels.
    """

    def __init__(self, eye: Eye, most: int = 512) -> None:
        self._eye, self._most = eye, most
        self._seen: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()

    def see(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Frames uint8 [N, H, W, 3] to slots [N, 17, 5]."""
        keys = [frame.tobytes() for frame in frames]
        found = {key: slots for key in keys if (slots := self._seen.get(key)) is not None}
        new = {key: i for i, key in enumerate(keys) if key not in found}
        if new:
            found |= dict(zip(new, self._eye.see(frames[list(new.values())]), strict=True))
        for key, slots in found.items():
            self._seen.pop(key, None)  # what was asked for last goes to the end
            self._seen[key] = slots
        while len(self._seen) > self._most:
            self._seen.popitem(last=False)
        return np.stack([found[key] for key in keys])


class PoseProbe:
    """Block centres from frames; judges imagined frames and tells the guards where things are."""

    names: tuple[str, ...] = KINDS

    def __init__(self, encoder: Eye) -> None:
        self.encoder = encoder

    def places(self, frames: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Frames uint8 [N, H, W, 3] to presence [N, 17] and places [N, 17, 2] in metres, pusher last."""
        slots = self.encoder.see(frames)
        return slots[..., 0] > 0.5, places(slots)

    def blocks(self, frame: NDArray[np.uint8]) -> dict[str, tuple[float, float]]:
        """One frame uint8 [H, W, 3] to block name -> (x, y) metres."""
        return self.blocks_of(frame[None])[0]

    def blocks_of(self, frames: NDArray[np.uint8]) -> Sequence[dict[str, tuple[float, float]]]:
        """Frames uint8 [N, H, W, 3] to block name -> (x, y) metres, a dictionary a frame."""
        slots = self.encoder.see(frames)
        where = places(slots)
        return [
            {
                kind: (float(x), float(y))
                for kind, (x, y), there in zip(KINDS, w[:-1], s[:, 0], strict=False)
                if there
            }
            for w, s in zip(where, slots, strict=True)
        ]
