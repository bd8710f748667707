"""Writer of episodes as a LeRobotDataset v3.0, which `lerobot` loads as it stands.

The layout is that of https://huggingface.co/docs/lerobot/lerobot-dataset-v3; of our own are the column
`subgoal_index` with its texts in meta/subgoals.parquet, and `success` and `source` of each episode.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.data.layout import INFO_PATH, SUBGOALS_PATH, DatasetError
from tasks.data.lerobot_layout import (
    DATA_PATH,
    EPISODES_PATH,
    FILES_PER_CHUNK,
    PIXELS,
    STATS_PATH,
    TASKS_PATH,
    VIDEO_PATH,
    Schema,
    file_path,
    info,
    step_table,
    text_table,
)
from tasks.data.lerobot_stats import Moments
from tasks.data.video_file import VideoFileError, VideoWriter
from tasks.signals import held

_SAMPLED_FRAMES: Final = 64
_CLAIM: Final = ".writing.mp4"
"""The video under way; in the folder from the start on, which no other writer takes then."""


class Recording(Protocol):
    """T >= 1 steps of an episode, each taken before its action."""

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """[T, H, W, 3]."""
        ...

    @property
    def instruction(self) -> str:
        """The goal of the whole episode."""
        ...

    @property
    def subgoal(self) -> tuple[str, ...]:
        """One text a step."""
        ...

    @property
    def success(self) -> bool: ...

    @property
    def source(self) -> str:
        """Who made it."""
        ...

    @property
    def about(self) -> Mapping[str, Any]:
        """Further columns of the episode's row, texts or numbers."""
        ...

    def __len__(self) -> int: ...

    def vectors(self) -> Mapping[str, NDArray[np.float32]]:
        """What stands in the schema's vectors, [T, D] each."""
        ...


@dataclass(frozen=True)
class _Written:
    """An episode that is complete, waiting for its file to be closed."""

    steps: Any
    row: Mapping[str, Any]
    moments: Mapping[str, Moments]


class DatasetWriter:
    """Appends episodes to a new dataset folder; use it as a context manager.

    Whatever ends the context, the episodes added by then are left as a readable dataset. Should the
    process be killed, it is those of the files closed by then. Without any episode, nothing is left.

    Args:
        root: a folder that is empty or does not exist; from now on no other writer takes it.
        schema: what its columns are.
        fps: steps a second.
        frames_per_file: a new file begins before this is passed. Readers compare times in float32 to
            1e-4 s, which fails for videos of more than about 1000 s.

    Raises:
        DatasetError: the folder is not empty or cannot be written.
    """

    def __init__(self, root: Path, schema: Schema, *, fps: int = 10, frames_per_file: int = 5000) -> None:
        _claim(root)
        self._root, self._schema = root, schema
        self._fps = fps
        self._frames_per_file = frames_per_file
        self._file = 0
        self._episodes = 0
        self._frames = 0
        self._size: tuple[int, int] | None = None
        self._tasks: dict[str, int] = {}
        self._subgoals: dict[str, int] = {}
        self._moments: dict[str, Moments] = {}
        self._pending: list[_Written] = []
        self._video: VideoWriter | None = None
        self._closed = False

    def add(self, episode: Recording) -> None:
        """Append one episode; when this raises, it is no part of the dataset, which can go on.

        Raises:
            DatasetError: the frames differ in size from those before, the disk refuses, or the writer
                is closed.
        """
        if self._closed:
            raise DatasetError(
                f"expected an open writer, got one that is closed: {self._root}; open a new one"
            )
        size = episode.rgb.shape[1:3]
        if self._size not in (None, size):
            raise DatasetError(f"expected frames of {self._size} as before, got {size}; resize them")
        if self._video and self._video.frames + len(episode) > self._frames_per_file:
            self._finish_file()
        columns = self._columns(episode)
        try:
            start = self._encode(episode.rgb)
        except (OSError, VideoFileError) as error:
            raise _disk_error(self._root, error) from error
        moments = {key: Moments.of(_matrix(v), rows=len(episode)) for key, v in columns.items()}
        camera = self._schema.camera
        sample = episode.rgb[:: -(-len(episode) // _SAMPLED_FRAMES)]
        moments[camera] = Moments.of(sample.reshape(-1, 3) / 255.0, rows=len(sample))
        row = self._row(episode, start, moments)
        # This one statement makes the episode part of the dataset.
        self._pending.append(_Written(step_table(self._schema, columns), row, moments))

    def close(self) -> None:
        """Finish the dataset; a second call does nothing."""
        if not self._closed:
            self._finish_file()
            self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _video_part(self) -> Path:
        return self._root / _CLAIM

    @property
    def _next_episode(self) -> int:
        return self._episodes + len(self._pending)

    @property
    def _next_step(self) -> int:
        return self._frames + sum(len(written.steps) for written in self._pending)

    def _encode(self, rgb: NDArray[np.uint8]) -> int:
        """Append the frames to the open video; the number of the first one in it."""
        if self._video is None:
            height, width = rgb.shape[1:3]
            self._video = VideoWriter(
                self._video_part, height=height, width=width, fps=self._fps, pixel_format=PIXELS
            )
            self._size = (height, width)
        # Not the sum of the lengths: an episode that was broken off may have left frames.
        start = self._video.frames
        self._video.write(rgb)
        return start

    def _columns(self, episode: Recording) -> dict[str, NDArray[Any]]:
        length = len(episode)
        frame = np.arange(length)
        done = frame == length - 1
        task = self._tasks.setdefault(episode.instruction, len(self._tasks))
        subgoal = [self._subgoals.setdefault(text, len(self._subgoals)) for text in episode.subgoal]
        return {
            **episode.vectors(),
            "next.success": done & episode.success,
            "next.done": done,
            "subgoal_index": np.array(subgoal),
            "timestamp": frame / self._fps,
            "frame_index": frame,
            "episode_index": np.full(length, self._next_episode),
            "index": self._next_step + frame,
            "task_index": np.full(length, task),
        }

    def _row(self, episode: Recording, start: int, moments: Mapping[str, Moments]) -> dict[str, Any]:
        chunk, file = divmod(self._file, FILES_PER_CHUNK)
        camera = self._schema.camera
        places = {
            f"{prefix}/{key}_index": number
            for prefix in ("data", f"videos/{camera}", "meta/episodes")
            for key, number in (("chunk", chunk), ("file", file))
        }
        stats = {
            f"stats/{key}/{name}": value
            for key, m in moments.items()
            for name, value in _lists(m, picture=key == camera).items()
        }
        return {
            "episode_index": self._next_episode,
            "tasks": [episode.instruction],
            "length": len(episode),
            "dataset_from_index": self._next_step,
            "dataset_to_index": self._next_step + len(episode),
            **places,
            f"videos/{camera}/from_timestamp": start / self._fps,
            f"videos/{camera}/to_timestamp": (start + len(episode)) / self._fps,
            "success": episode.success,
            "source": episode.source,
            **episode.about,
            **stats,
        }

    def _finish_file(self) -> None:
        """Close the open file with its episodes and bring the folder's metadata up to them; no signal breaks
        that off."""
        with held():
            self._write_out()

    def _write_out(self) -> None:
        try:
            if self._video:
                self._video.close()
            if self._pending:
                self._write_file()
        except OSError as error:
            # Given up: a later close must not list episodes whose video may be cut off.
            self._pending = []
            raise _disk_error(self._root, error) from error
        self._video_part.unlink(missing_ok=True)
        self._video = None

    def _write_file(self) -> None:
        """Texts before what points to them, totals last: between any two renames all is readable."""
        pending, root, camera = self._pending, self._root, self._schema.camera
        episodes, frames = self._next_episode, self._next_step
        moments = dict(self._moments)
        for key, new in ((key, new) for written in pending for key, new in written.moments.items()):
            moments[key] = moments[key].merged(new) if key in moments else new
        _write_table(root / TASKS_PATH, text_table("task", self._tasks))
        _write_table(root / SUBGOALS_PATH, text_table("subgoal", self._subgoals))
        # Already moved when an interrupted call is made again.
        if self._video_part.exists():
            video = root / file_path(VIDEO_PATH, self._file, camera)
            video.parent.mkdir(parents=True, exist_ok=True)
            self._video_part.replace(video)
        data = pa.concat_tables([written.steps for written in pending])
        _write_table(root / file_path(DATA_PATH, self._file, camera), data)
        rows = pa.Table.from_pylist([dict(written.row) for written in pending])
        _write_table(root / file_path(EPISODES_PATH, self._file, camera), rows)
        _write_json(root / STATS_PATH, {key: _lists(m, picture=key == camera) for key, m in moments.items()})
        _write_json(
            root / INFO_PATH,
            info(
                self._schema,
                size=self._size or (0, 0),
                fps=self._fps,
                episodes=episodes,
                frames=frames,
                tasks=len(self._tasks),
            ),
        )
        self._episodes, self._frames, self._moments = episodes, frames, moments
        self._pending, self._file = [], self._file + 1


def _disk_error(root: Path, error: Exception) -> DatasetError:
    return DatasetError(f"expected a folder with space to write, got {root}: {error}; free some")


def _claim(root: Path) -> None:
    """Make the folder and the file that says that it is in use: of several at once one alone can make it."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        _check_empty(root)  # before it is touched
        try:
            (root / _CLAIM).touch(exist_ok=False)
        except FileExistsError:
            _check_empty(root)
            raise
        try:
            _check_empty(root, but=_CLAIM)  # another writer may have come and gone since the first look
        except BaseException:
            (root / _CLAIM).unlink()
            raise
    except OSError as error:
        raise DatasetError(
            f"expected a folder that can be written, got {root}: {error.strerror}; choose another"
        ) from error


def _check_empty(root: Path, *, but: str = "") -> None:
    if found := next((path.name for path in sorted(root.iterdir()) if path.name != but), None):
        raise DatasetError(
            f"expected an empty or new folder, got {root}, which holds {found}; choose another"
        )


def _matrix(values: NDArray[Any]) -> NDArray[np.float64]:
    return values.reshape(len(values), -1).astype(np.float64)


def _lists(moments: Moments, *, picture: bool) -> dict[str, Any]:
    return moments.as_lists((3, 1, 1) if picture else (len(moments.mean),))


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside `path`, then rename: a reader finds the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    write(part)
    os.replace(part, path)


def _write_table(path: Path, table: Any) -> None:
    _replace(path, lambda part: pq.write_table(table, part))


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    text = json.dumps(value, indent=4, ensure_ascii=False, allow_nan=False)
    _replace(path, lambda part: part.write_text(text, encoding="utf-8"))
