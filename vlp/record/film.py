"""The film of a run for people: larger than the robot's own camera sees, in real time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from planner import Frames
from tasks.data.video_file import VideoWriter

HEIGHT: Final = 288
WIDTH: Final = 384
EVERY: Final = 2
"""Control steps from picture to picture: a large one takes a simulated robot several times as long."""
FPS: Final = 5
"""Pictures a second: 10 control steps a second, every second one shown."""
CHUNK: Final = 10
"""Pictures that are written at once: each write begins with a costly key frame."""

View = Callable[[int, int], Frames]
"""Draws the scene as it is at a height and width, uint8 [H, W, 3]."""


class Film:
    """Writes a film picture by picture; without a picture there is no file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: VideoWriter | None = None
        self._waiting: list[Frames] = []
        self._steps = 0

    def add(self, rgb: Frames, view: View | None = None) -> None:
        """One control step: what the camera saw, uint8 [H, W, 3], shown where nobody draws the scene."""
        self._steps += 1
        if (self._steps - 1) % EVERY:
            return
        self._waiting.append(_large(rgb) if view is None else view(HEIGHT, WIDTH))
        if len(self._waiting) == CHUNK:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        try:
            self._flush()
        finally:
            if self._writer is not None:
                self._writer.close()

    def _flush(self) -> None:
        pictures, self._waiting = self._waiting, []
        if not pictures:
            return
        if self._writer is None:
            self._writer = VideoWriter(self._path, height=HEIGHT, width=WIDTH, fps=FPS)
        self._writer.write(np.stack(pictures))


def _large(rgb: Frames) -> Frames:
    """As large as the film, whole, on black where its shape is another."""
    height, width, _ = rgb.shape
    scale = min(HEIGHT / height, WIDTH / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    page = Image.new("RGB", (WIDTH, HEIGHT))
    page.paste(
        Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS),
        ((WIDTH - size[0]) // 2, (HEIGHT - size[1]) // 2),
    )
    return np.asarray(page, dtype=np.uint8)
