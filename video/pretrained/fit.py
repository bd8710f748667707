"""Frame fitting: a camera's frames at the size and length of another video model, and back, undistorted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Fit:
    """Where a camera's picture lies within a larger one of another shape, in pixels."""

    camera: tuple[int, int]
    """Height and width of the camera's."""
    model: tuple[int, int]
    """Height and width of the model's."""

    @property
    def inner(self) -> tuple[int, int]:
        """Height and width of the camera's picture within the model's."""
        scale = min(self.model[0] / self.camera[0], self.model[1] / self.camera[1])
        return tuple(max(1, round(side * scale)) for side in self.camera)  # type: ignore[return-value]

    @property
    def corner(self) -> tuple[int, int]:
        """Row and column of its upper left corner."""
        return (self.model[0] - self.inner[0]) // 2, (self.model[1] - self.inner[1]) // 2

    def enlarge(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A frame uint8 [h, w, 3] as the model's [H, W, 3]; its edge is drawn out over what is left."""
        inner = _resized(_planes(frame[None]), self.inner)
        top, left = self.corner
        bottom, right = self.model[0] - self.inner[0] - top, self.model[1] - self.inner[1] - left
        whole = functional.pad(inner, (left, right, top, bottom), mode="replicate")
        return np.asarray(whole.clamp(0, 255).round().byte()[0].permute(1, 2, 0).numpy())

    def reduce(self, frames: NDArray[Any]) -> NDArray[np.float32]:
        """Frames [N, H, W, 3] of the model, of any numbers, as the camera's float32 [N, h, w, 3]."""
        (top, left), (height, width) = self.corner, self.inner
        inner = _planes(frames[:, top : top + height, left : left + width])
        return np.asarray(_resized(inner, self.camera).permute(0, 2, 3, 1).numpy())


def pick(frames: int, wanted: int) -> NDArray[np.int64]:
    """Which of a model's `frames` stand for `wanted` future ones, evenly: the first frame is the one that
    was given, the last of both is the same. Raises ValueError for a model that gives one frame only."""
    if frames < 2:
        raise ValueError(f"frames: expected 2 or more, got {frames}; ask the pipeline for more")
    return np.round(np.linspace((frames - 1) / wanted, frames - 1, wanted)).astype(np.int64)


def _planes(frames: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(frames)).float().permute(0, 3, 1, 2)


def _resized(planes: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(planes.shape[-2:]) == size:
        return planes
    return functional.interpolate(planes, size, mode="bicubic", antialias=True)
