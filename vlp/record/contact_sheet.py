"""Contact sheet of a dataset: some frames of some episodes, a row each with its number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from planner import Frames
from vlp.record.filmstrip import PAPER, scaled, sheet, strip

HEIGHT: Final = 96
"""Of a frame, pixels, at most."""
MARGIN: Final = 40
"""Pixels on the left, for the number."""


def contact_sheet(samples: Mapping[int, Frames]) -> Frames:
    """Episode -> frames uint8 [T, H, W, 3]; as one picture uint8 [H', W', 3]. Needs at least one."""
    return sheet([_row(number, frames) for number, frames in samples.items()], gap=2)


def _row(number: int, frames: Frames) -> Frames:
    row = strip(scaled(frames, HEIGHT), gap=2)
    label = Image.new("RGB", (MARGIN, row.shape[0]), (PAPER,) * 3)
    ImageDraw.Draw(label).text((4, row.shape[0] // 2 - 6), str(number), fill=(0, 0, 0))
    return np.concatenate([np.asarray(label), row], 1)
