"""Fitting of pictures: what a model sees of one camera or of several, at a size of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.data.layout import DatasetError

MOST_PIXELS: Final = 160 * 128
"""Of a picture that is learned from as it is; a larger one is made smaller."""
CELL: Final = 8
"""Pixels on a side that a latent, or a token of the VLM, stands for."""

Size = tuple[int, int]
"""Height and width in pixels."""


def letterboxed(picture: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """A picture uint8 [H', W', 3] scaled into [H, W, 3], black where it does not reach."""
    if picture.shape[:2] == size:
        return picture
    height, width = picture.shape[:2]
    scale = min(size[0] / height, size[1] / width)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = Image.fromarray(np.ascontiguousarray(picture)).resize(inner, Image.Resampling.BOX)
    whole = np.zeros((*size, 3), np.uint8)
    top, left = (size[0] - inner[1]) // 2, (size[1] - inner[0]) // 2
    whole[top : top + inner[1], left : left + inner[0]] = np.asarray(small)
    return whole


def learnable(sizes: Sequence[Size]) -> Size | None:
    """Size of the whole picture of cameras side by side that a model can learn from: sides of whole cells, in
    about the first camera's proportions. None where one camera's picture is good as it is."""
    height, width = sizes[0]
    if len(sizes) == 1 and height % CELL == width % CELL == 0 and height * width <= MOST_PIXELS:
        return None
    most = max(MOST_PIXELS // len(sizes), 4 * CELL**2)
    sides = range(2 * CELL, max(height, 2 * CELL) + CELL, CELL)
    tiles = [(one, CELL * max(2, round(one * width / height / CELL))) for one in sides]
    tiles = [tile for tile in tiles if tile[0] * tile[1] <= most] or [
        (2 * CELL, most // (2 * CELL) // CELL * CELL)
    ]
    best = max(tiles, key=lambda tile: _covered(tile, height, width))
    return best[0], best[1] * len(sizes)


def _covered(tile: Size, height: int, width: int) -> float:
    """Pixels of a tile that a picture fills, less those that stay black."""
    scale = min(tile[0] / height, tile[1] / width)
    filled = height * width * scale**2
    return 2 * filled - tile[0] * tile[1]


@dataclass(frozen=True)
class CameraView:
    """Which cameras are seen, side by side, and at what size; in words "front,wrist@96x256"."""

    cameras: tuple[str, ...] = ()
    """By feature name, or what follows its last dot; none: the only one there is."""
    size: Size | None = None
    """Of the whole picture; None: as it is recorded."""

    @classmethod
    def parse(cls, words: str | None) -> Self:
        """Raises DatasetError for a size that is none."""
        names, _, size = (words or "").partition("@")
        found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size)
        if size and not (found and int(found[1]) and int(found[2])):
            raise DatasetError(f"expected cameras@HEIGHTxWIDTH such as front@96x128, got {words}; say it so")
        cameras = tuple(name.strip() for name in names.split(",") if name.strip())
        return cls(cameras, (int(found[1]), int(found[2])) if found else None)

    def __str__(self) -> str:
        size = "" if self.size is None else f"@{self.size[0]}x{self.size[1]}"
        return ",".join(self.cameras) + size

    def tiles(self, sizes: Sequence[Size | None]) -> list[Size | None]:
        """What each camera's picture is fitted into, by the sizes that the dataset tells of them.

        Raises DatasetError for several cameras of which one's size is not told, where none is asked for.
        """
        count = len(sizes)
        if self.size is not None:
            height, width = self.size
            edges = [width * k // count for k in range(count + 1)]
            return [(height, b - a) for a, b in pairwise(edges)]
        if count == 1:
            return [None]
        told = [size for size in sizes if size is not None]
        if len(told) < count:
            raise DatasetError("expected cameras whose shapes the dataset tells, got some without; name one")
        height = told[0][0]
        return [(height, max(1, round(width * height / own))) for own, width in told]
