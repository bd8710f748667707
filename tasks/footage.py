"""Any LeRobotDataset v3.0 with videos and a task in words, as far as models of pictures and words need it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.lerobot_read import INFO_PATH, SUBGOALS_PATH, VERSION, DatasetError
from tasks.video_file import VideoFileError, read_video

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
    """Decode a dataset's episodes, one at a time in memory.

    Args:
        root: the dataset's folder.
        camera: feature name; None: the first video.

    Raises:
        DatasetError: not a dataset of this version, without videos or tasks, or damaged.
    """
    about = _read_info(root)
    name = _camera(about, camera, root)
    subgoals = _subgoals(root)
    files = sorted((root / "meta" / "episodes").rglob("*.parquet"))
    if not files:
        raise DatasetError(
            f"expected meta/episodes in {root}, got none; give a whole LeRobotDataset {VERSION}"
        )
    for file in files:
        for row in _rows(file):
            try:
                texts = _subgoals_of(root, about, row, subgoals) if subgoals else ()
                footage = _footage(root, about, name, row, texts, _actions_of(root, about, row))
            except (KeyError, IndexError, TypeError, ValueError) as error:
                raise DatasetError(
                    f"expected the columns of a LeRobotDataset {VERSION} in {root}, got none or another kind "
                    f"of {error}; mend the dataset"
                ) from error
            yield footage


def _footage(
    root: Path,
    about: dict[str, Any],
    camera: str,
    row: dict[str, Any],
    subgoals: tuple[str, ...],
    actions: NDArray[np.float32] | None,
) -> Footage:
    fps, length = float(about["fps"]), int(row["length"])
    tasks = row.get("tasks") or []
    if not tasks or not str(tasks[0]).strip():
        raise DatasetError(f"expected a task in words for every episode, got none in {root}; add tasks")
    number = {key: int(row[f"videos/{camera}/{key}"]) for key in ("chunk_index", "file_index")}
    video = root / about["video_path"].format(video_key=camera, **number)
    start = round(float(row[f"videos/{camera}/from_timestamp"]) * fps)
    try:
        rgb = read_video(video, start=start, stop=start + length)
    except VideoFileError as error:
        raise DatasetError(str(error)) from error
    return Footage(rgb, str(tasks[0]), subgoals, bool(row.get("success", True)), fps, actions)


def _read_info(root: Path) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads((root / INFO_PATH).read_text(encoding="utf-8"))
        version = about["codebase_version"]
        about["fps"], about["features"], about["video_path"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"expected a LeRobotDataset with videos and {INFO_PATH}, got {root}; give such a folder"
        ) from error
    if version != VERSION:
        raise DatasetError(f"expected a LeRobotDataset {VERSION}, got {version} in {root}; convert it")
    return about


def _camera(about: dict[str, Any], camera: str | None, root: Path) -> str:
    cameras = [name for name, kind in about["features"].items() if kind.get("dtype") == "video"]
    if not cameras or (camera is not None and camera not in cameras):
        raise DatasetError(
            f"expected the video {camera or 'of a camera'} in {root}, got {', '.join(cameras) or 'none'}; "
            "choose one that is there"
        )
    return camera or str(cameras[0])


def _subgoals(root: Path) -> list[str]:
    """By number; empty where the dataset has none."""
    path = root / SUBGOALS_PATH
    return [str(row["subgoal"]) for row in _rows(path)] if path.is_file() else []


def _subgoals_of(
    root: Path, about: dict[str, Any], row: dict[str, Any], subgoals: list[str]
) -> tuple[str, ...]:
    number = {key: int(row[f"data/{key}"]) for key in ("chunk_index", "file_index")}
    columns = ["episode_index", "subgoal_index"]
    steps = _rows(root / about["data_path"].format(**number), columns)
    return tuple(
        subgoals[step["subgoal_index"]] for step in steps if step["episode_index"] == row["episode_index"]
    )


def _actions_of(root: Path, about: dict[str, Any], row: dict[str, Any]) -> NDArray[np.float32] | None:
    """Raises ValueError for actions that are not one finite vector a frame."""
    if "action" not in about["features"]:
        return None
    number = {key: int(row[f"data/{key}"]) for key in ("chunk_index", "file_index")}
    steps = _rows(root / about["data_path"].format(**number), ["episode_index", "action"])
    own = [step["action"] for step in steps if step["episode_index"] == row["episode_index"]]
    actions = np.array(own, np.float32)
    if actions.ndim != 2 or len(actions) != int(row["length"]) or not np.isfinite(actions).all():
        raise ValueError(f"action: one finite vector a frame in episode {row['episode_index']}")
    return actions


def _rows(path: Path, columns: list[str] | None = None) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = pq.read_table(path, columns=columns).to_pylist()
        return found
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"expected a parquet file, got {path}: {error}; mend the dataset") from error
