"""Distances between clips in pixels: PSNR and SSIM."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from planner import Frames

MOVED: Final = 25
"""A pixel has moved where a channel is further than this (of 255) from the first frame."""
BEST: Final = 100.0
"""dB, for clips that agree in every pixel."""
_SIGMA, _TRUNCATE, _EDGE = 1.5, 3.5, 5
"""A Gaussian window of 11x11 pixels; where it leaves the picture nothing is measured."""


def moved(first: Frames, clip: Frames) -> NDArray[np.bool_]:
    """Pixels of a clip uint8 [T, H, W, 3] that have changed since its first frame: bool [T, H, W]."""
    return np.asarray(np.abs(clip.astype(np.int16) - first.astype(np.int16)).max(-1) > MOVED)


def clip_psnr(one: Frames, other: Frames, where: NDArray[np.bool_] | None = None) -> float | None:
    """Peak signal-to-noise ratio of clips uint8 [T, H, W, 3] in dB, of all pixels or of those `where`
    [T, H, W] is True; None where there are none."""
    error = (one.astype(np.float32) - other.astype(np.float32)) ** 2
    if where is not None and not where.any():
        return None
    mean = float(error.mean() if where is None else error[where].mean())
    return float(min(BEST, 10 * np.log10(255**2 / max(mean, 1e-12))))


def ssim(one: Frames, other: Frames) -> float:
    """Mean structural similarity of clips uint8 [T, H, W, 3] (Wang et al., "Image quality assessment: from
    error visibility to structural similarity", 2004, equation 13), a channel at a time."""
    x, y = one.astype(np.float64), other.astype(np.float64)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mx, my = _blurred(x), _blurred(y)
    vx, vy, both = _blurred(x * x) - mx**2, _blurred(y * y) - my**2, _blurred(x * y) - mx * my
    found = ((2 * mx * my + c1) * (2 * both + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return float(found[:, _EDGE:-_EDGE, _EDGE:-_EDGE].mean())


def _blurred(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(gaussian_filter(frames, (0, _SIGMA, _SIGMA, 0), truncate=_TRUNCATE))
