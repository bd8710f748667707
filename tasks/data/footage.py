"""Footage: any LeRobotDataset v3.0 with pictures and a task in words, as far as models of the two need it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.data.dataset_about import SLACK, About, EpisodeRow, misfit, read_about, read_columns, read_rows
from tasks.data.dataset_steps import EpisodeSteps, StepFiles
from tasks.data.layout import SUBGOALS_PATH, DatasetError
from tasks.data.video_file import VideoFileError, read_frames

CONTROL_STEPS_A_SECOND: Final = 10.0


@dataclass(frozen=True)
class Footage:
    """One episode as a camera saw it."""

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
        root: the dataset's folder.
        camera: feature name; None: the only one.

    Raises:
        DatasetError: not a dataset of this version, without pictures or tasks, with several cameras and none
            chosen, or damaged: a missing or doubled frame, a column of another kind.
    """
    about = read_about(root, camera)
    episodes, subgoals, steps = read_rows(about), _subgoals(root), StepFiles(about)
    for episode in episodes:
        yield _footage(about, episode, steps.of(episode), subgoals)


def count_episodes(root: Path, camera: str | None = None) -> int:
    """How many `read_footage` will read. Raises DatasetError."""
    return len(read_rows(read_about(root, camera)))


def _footage(about: About, episode: EpisodeRow, steps: EpisodeSteps, subgoals: dict[int, str]) -> Footage:
    times = steps.times()
    texts = steps.subgoals(subgoals) if subgoals else ()
    actions = steps.actions()
    if episode.video is None:
        rgb = steps.pictures()
    else:
        try:
            rgb = read_frames(episode.video, episode.start + times, tolerance=SLACK / about.fps)
        except VideoFileError as error:
            raise DatasetError(f"{episode.name}, column {about.camera}: {error}") from error
    return Footage(rgb, episode.task, texts, episode.success, about.fps, actions)


def _subgoals(root: Path) -> dict[int, str]:
    """By number; empty where the dataset has none."""
    path = root / SUBGOALS_PATH
    if not path.is_file():
        return {}
    rows = read_columns(path, ["subgoal_index", "subgoal"]).to_pylist()
    for row in rows:
        if not isinstance(row.get("subgoal"), str):
            raise misfit(root, SUBGOALS_PATH, "a text in column subgoal", repr(row.get("subgoal")))
    return {row.get("subgoal_index", number): row["subgoal"] for number, row in enumerate(rows)}
