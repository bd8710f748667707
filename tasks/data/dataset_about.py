"""Metadata of a LeRobotDataset v3.0 of any maker, checked before anything else of it is read."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.data.layout import INFO_PATH, VERSION, DatasetError, one_task

SLACK: Final = 0.25
"""Share of a frame's period that a time may be off."""


@dataclass(frozen=True)
class About:
    """What stands in info.json, of one camera."""

    root: Path
    fps: float
    data_path: str
    video_path: str
    """Empty where the camera's pictures stand in the data files."""
    camera: str
    action: int | None
    """How many numbers an action has; None where there are none."""
    episodes: int | None
    """How many there are to be; None where it is not said."""


@dataclass(frozen=True)
class EpisodeRow:
    """Where an episode is, and what is said of it."""

    number: int
    length: int
    task: str
    success: bool
    data: Path
    video: Path | None
    start: float
    """Seconds into the video."""

    @property
    def name(self) -> str:
        """As messages call it."""
        return f"episode {self.number}"


def misfit(root: Path, where: str, expected: str, got: object) -> DatasetError:
    """The error for one place of a dataset."""
    return DatasetError(f"expected {expected} in {where} of {root}, got {got}; mend the dataset")


def read_about(root: Path, camera: str | None) -> About:
    """Raises DatasetError: not a dataset of this version, or one in which the camera is not clear."""
    try:
        about: dict[str, Any] = json.loads((root / INFO_PATH).read_text(encoding="utf-8"))
        version, features = about["codebase_version"], dict(about["features"])
        kinds = {name: str(kind["dtype"]) for name, kind in features.items()}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DatasetError(
            f"expected a LeRobotDataset with videos or pictures and {INFO_PATH}, got {root}; "
            "give such a folder"
        ) from error
    if version != VERSION:
        raise DatasetError(f"expected a LeRobotDataset {VERSION}, got {version} in {root}; convert it")
    name = _camera(features, kinds, camera, root)
    paths = ["data_path", "video_path"] if kinds[name] == "video" else ["data_path"]
    for key in paths:
        if not isinstance(about.get(key), str):
            raise misfit(root, INFO_PATH, f"{key}, a text", repr(about.get(key)))
    return About(
        root=root,
        fps=_fps(about.get("fps"), root),
        data_path=about["data_path"],
        video_path=about["video_path"] if kinds[name] == "video" else "",
        camera=name,
        action=_width(features["action"], root) if "action" in features else None,
        episodes=about["total_episodes"] if type(about.get("total_episodes")) is int else None,
    )


def _camera(features: dict[str, Any], kinds: dict[str, str], camera: str | None, root: Path) -> str:
    """The chosen one, or the only one; depth is no picture."""
    cameras = [name for name, kind in kinds.items() if kind in ("video", "image")]
    cameras = [name for name in cameras if not _is_depth(features[name].get("info"))]
    if camera is None and len(cameras) == 1:
        return cameras[0]
    if camera is None and cameras:
        raise DatasetError(
            f"expected the name of one of {len(cameras)} cameras in {root}, got none; "
            f"choose with --camera: {', '.join(cameras)}"
        )
    if camera not in cameras:
        raise DatasetError(
            f"expected the video {camera or 'of a camera'} in {root}, got {', '.join(cameras) or 'none'}; "
            "choose one that is there"
        )
    return camera


def _is_depth(about: object) -> bool:
    return isinstance(about, dict) and bool(about.get("video.is_depth_map"))


def _fps(fps: object, root: Path) -> float:
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not (math.isfinite(fps) and fps > 0):
        raise misfit(root, INFO_PATH, "fps, frames a second above 0", repr(fps))
    return float(fps)


def _width(kind: dict[str, Any], root: Path) -> int:
    shape = kind.get("shape")
    if not (isinstance(shape, list | tuple) and len(shape) == 1 and type(shape[0]) is int and shape[0] > 0):
        raise misfit(root, f"features, action, of {INFO_PATH}", "a shape of one number", repr(shape))
    return int(shape[0])


def read_rows(about: About) -> list[EpisodeRow]:
    """All episodes, in the dataset's order. Raises DatasetError."""
    root = about.root
    files = sorted((root / "meta" / "episodes").rglob("*.parquet"))
    if not files:
        raise DatasetError(
            f"expected meta/episodes in {root}, got none; give a whole LeRobotDataset {VERSION}"
        )
    video = [f"videos/{about.camera}/{key}" for key in ("chunk_index", "file_index", "from_timestamp")]
    columns = ["episode_index", "length", "tasks", "success", "data/chunk_index", "data/file_index", *video]
    rows = [row for file in files for row in read_columns(file, columns).to_pylist()][: about.episodes]
    if about.episodes is not None and len(rows) < about.episodes:
        raise misfit(root, "meta/episodes", f"{about.episodes} episodes as in {INFO_PATH}", len(rows))
    episodes = [_row(about, row) for row in rows]
    _check_apart(about, episodes)
    return episodes


def _row(about: About, row: dict[str, Any]) -> EpisodeRow:
    number = _whole(about, row, "episode_index", "an episode")
    name = f"episode {number}"
    success = True if row.get("success") is None else row["success"]
    if not isinstance(success, bool):
        raise misfit(about.root, f"column success, {name},", "true or false", repr(success))
    place = {key: _whole(about, row, f"data/{key}", name) for key in ("chunk_index", "file_index")}
    video, start = None, 0.0
    if about.video_path:
        prefix = f"videos/{about.camera}/"
        film = {key: _whole(about, row, prefix + key, name) for key in ("chunk_index", "file_index")}
        video = _path(about, about.video_path, "video_path", {"video_key": about.camera, **film})
        start = row.get(prefix + "from_timestamp")  # type: ignore[assignment]
        if not isinstance(start, int | float) or not (math.isfinite(start) and start >= 0):
            raise misfit(about.root, f"column {prefix}from_timestamp, {name},", "seconds", repr(start))
    return EpisodeRow(
        number=number,
        length=_whole(about, row, "length", name, least=1),
        task=one_task(row.get("tasks"), f"column tasks, {name}, of {about.root},"),
        success=success,
        data=_path(about, about.data_path, "data_path", place),
        video=video,
        start=float(start),
    )


def _whole(about: About, row: dict[str, Any], column: str, name: str, least: int = 0) -> int:
    value = row.get(column)
    if type(value) is not int or value < least:
        got = repr(value) if column in row else "no such column"
        raise misfit(about.root, f"column {column}, {name},", f"a whole number of {least} or more", got)
    return value


def _path(about: About, pattern: str, key: str, place: dict[str, Any]) -> Path:
    try:
        return about.root / pattern.format(**place)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise misfit(about.root, INFO_PATH, f"{key}, a pattern of {', '.join(place)}", pattern) from error


def _check_apart(about: About, episodes: list[EpisodeRow]) -> None:
    """No episode twice, and none on another's frames."""
    seen: set[int] = set()
    for episode in episodes:
        if episode.number in seen:
            raise misfit(about.root, "column episode_index", "each episode once", f"{episode.name} twice")
        seen.add(episode.number)
    if not about.video_path:
        return
    ordered = sorted(episodes, key=lambda episode: (str(episode.video), episode.start))
    for one, other in pairwise(ordered):
        end = one.start + (one.length - SLACK) / about.fps
        if one.video == other.video and other.start < end:
            where = f"column videos/{about.camera}/from_timestamp, {other.name},"
            expected = f"{end:.3f} s or later, after {one.name}"
            raise misfit(about.root, where, expected, f"{other.start:.3f} s")


def read_columns(path: Path, columns: list[str]) -> Any:
    """Those of the columns that a parquet file has, as an arrow table. Raises DatasetError."""
    try:
        with pq.ParquetFile(path) as file:
            there = set(file.schema_arrow.names)
            return file.read([name for name in columns if name in there])
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"expected a parquet file, got {path}: {error}; mend the dataset") from error
