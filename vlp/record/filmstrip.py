"""Clips as pictures: frames side by side, clips below each other, and back; pictures as data: URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from planner import Frames

PAPER = 255  # the colour of gaps and of missing frames


def strip(frames: Frames, *, gap: int = 0) -> Frames:
    """Frames uint8 [T, H, W, 3] side by side: uint8 [H, T*W + (T-1)*gap, 3]."""
    count, height, width, _ = frames.shape
    out = np.full((height, count, width + gap, 3), PAPER, dtype=np.uint8)
    out[:, :, :width] = frames.transpose(1, 0, 2, 3)
    return out.reshape(height, -1, 3)[:, : count * (width + gap) - gap]


def unstrip(picture: Frames, count: int) -> Frames:
    """The `count` frames of a strip without gaps: uint8 [T, H, W, 3]."""
    height, width, _ = picture.shape
    if count < 1 or width % count:
        raise ValueError(
            f"strip: expected a width that {count} frames divide, got {width}; is it another clip's picture?"
        )
    return np.ascontiguousarray(picture.reshape(height, count, width // count, 3).transpose(1, 0, 2, 3))


def sheet(rows: Sequence[Frames], *, gap: int = 0) -> Frames:
    """Strips uint8 [H, W, 3] below each other, narrower ones filled up on the right: uint8 [H', W', 3]."""
    width = max(row.shape[1] for row in rows)
    space = np.full((gap, width, 3), PAPER, dtype=np.uint8)
    parts: list[Frames] = []
    for row in rows:
        missing = width - row.shape[1]
        parts += [np.pad(row, ((0, 0), (0, missing), (0, 0)), constant_values=PAPER), space]
    return np.concatenate(parts[:-1])


def scaled(frames: Frames, height: int) -> Frames:
    """Frames uint8 [T, H, W, 3] at a lower height and as much less width; low ones stay as they are."""
    _, old, width, _ = frames.shape
    if height >= old:
        return frames
    size = (max(1, round(width * height / old)), height)
    return np.stack(
        [np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX)) for frame in frames]
    )


def to_data_uri(picture: Frames, *, quality: int = 80) -> str:
    """A picture uint8 [H, W, 3] as "data:image/jpeg;base64,...". quality: 1..95, JPEG's."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def write_png(path: Path, picture: Frames) -> None:
    """Lossless; packed lightly, because a decision waits for it."""
    Image.fromarray(picture).save(path, "PNG", compress_level=1)


def to_png(picture: Frames) -> bytes:
    """A picture uint8 [H, W, 3] as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def read_png(path: Path) -> Frames:
    """uint8 [H, W, 3]."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.uint8)
