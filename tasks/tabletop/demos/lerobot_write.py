"""Writer of the tabletop's episodes as a LeRobotDataset v3.0."""

from __future__ import annotations

from pathlib import Path

from tasks.data.layout import DatasetError
from tasks.data.lerobot_write import DatasetWriter
from tasks.tabletop.demos.lerobot_read import BOARD, RecordedEpisode

__all__ = ["DatasetError", "LeRobotWriter", "RecordedEpisode"]


class LeRobotWriter(DatasetWriter):
    """See `tasks.data.lerobot_write.DatasetWriter`."""

    def __init__(self, root: Path, *, fps: int = 10, frames_per_file: int = 5000) -> None:
        super().__init__(root, BOARD, fps=fps, frames_per_file=frames_per_file)
