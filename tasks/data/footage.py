"""Footage: any LeRobotDataset with pictures and a task in words, as far as models of the two need it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.data.dataset_about import SLACK, About, CameraFeature, read_about
from tasks.data.dataset_rows import EpisodeRow, read_rows
from tasks.data.dataset_steps import EpisodeSteps, StepFiles
from tasks.data.fitting import CameraView, Size, letterboxed
from tasks.data.layout import DatasetError, why_not
from tasks.data.subtasks import Subtasks
from tasks.data.video_file import VideoFileError, read_frames

CONTROL_STEPS_A_SECOND: Final = 10.0


@dataclass(frozen=True)
class Footage:
    """One episode as a camera saw it, or several side by side."""

    rgb: NDArray[np.uint8]
    """[T, H, W, 3]."""
    task: str
    subgoals: tuple[str, ...]
    """One text a frame; empty where the dataset has none."""
    success: bool
    """True where the dataset does not say."""
    fps: float
    actions: NDArray[np.float32] | None = None
    """[T, A], what was sent after each frame; None where the dataset has none."""

    def steps_to_go(self, frame: int) -> float:
        """Control steps of 0.1 s from a frame to the end."""
        return (len(self.rgb) - 1 - frame) / self.fps * CONTROL_STEPS_A_SECOND


def read_footage(root: Path, camera: str | None = None) -> Iterator[Footage]:
    """Decode a dataset's episodes, one at a time in memory; frames are found by their times.

    Args:
        root: the dataset's folder, of version 3.0, 2.1 or 2.0.
        camera: feature name, several with commas to be seen side by side, and "@HxW" for another size than
            they were recorded in, see `CameraView`; None: the only one.

    Raises:
        DatasetError: not a dataset of these versions, without pictures or tasks, with several cameras and
            none chosen, or damaged: a missing or doubled frame, a column of another kind.
    """
    view = CameraView.parse(camera)
    about = read_about(root, view.cameras)
    reader = FootageReader(about, view)
    for episode in read_rows(about):
        yield reader.read(episode)


def count_episodes(root: Path, camera: str | None = None) -> int:
    """How many `read_footage` will read. Raises DatasetError."""
    return len(read_rows(read_about(root, CameraView.parse(camera).cameras)))


class FootageReader:
    """Decodes episodes of one dataset. Raises DatasetError for subtasks that can't be read."""

    def __init__(self, about: About, view: CameraView) -> None:
        self._about = about
        self._subtasks, self._steps = Subtasks.read(about.root), StepFiles(about)
        self._tiles = view.tiles([camera.size for camera in about.cameras])

    def read(self, episode: EpisodeRow) -> Footage:
        """One episode. Raises DatasetError."""
        steps = self._steps.of(episode)
        times, texts, actions = steps.times(), steps.subgoals(self._subtasks), steps.actions()
        parts = [
            self._seen(camera, tile, episode, steps, times)
            for camera, tile in zip(self._about.cameras, self._tiles, strict=True)
        ]
        rgb = parts[0] if len(parts) == 1 else np.concatenate(parts, 2)
        success = True if episode.success is None else episode.success
        return Footage(rgb, episode.task, texts, success, self._about.fps, actions)

    def _seen(
        self,
        camera: CameraFeature,
        tile: Size | None,
        episode: EpisodeRow,
        steps: EpisodeSteps,
        times: NDArray[np.float64],
    ) -> NDArray[np.uint8]:
        """One camera's pictures [T, H, W, 3]."""

        def fit(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
            return pixels if tile is None else letterboxed(pixels, tile)

        film = episode.films.get(camera.name)
        if film is None:
            return steps.pictures(camera.name, fit)
        try:
            return read_frames(film.path, film.start + times, tolerance=SLACK / self._about.fps, fit=fit)
        except VideoFileError as error:
            why = why_not(film.path, error)
            raise DatasetError(f"{episode.name}, column {camera.name}, {film.path.name}: {why}") from error
