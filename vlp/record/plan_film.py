"""Plan film: clips as a film that runs as fast as they would be acted on."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from planner import Frames
from tasks.data.video_file import write_video
from tasks.domain import CLIP_STRIDE, CONTROL_HZ

FPS: Final = Fraction(CONTROL_HZ, CLIP_STRIDE)
"""Frames a second: those of a clip are 0.6 s apart."""


def film(clips: Sequence[Frames], *, scale: int = 1) -> bytes:
    """Clips uint8 [T, H, W, 3] one after the other, `scale` times as large, as an MP4 file."""
    frames = np.concatenate(clips).repeat(scale, axis=1).repeat(scale, axis=2)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "plan.mp4"
        write_video(path, frames, FPS)
        return path.read_bytes()
