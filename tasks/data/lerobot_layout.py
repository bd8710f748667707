"""Layout of the datasets that we write: where each part lies, tables, and info.json.

A dataset is cut into files of some thousand frames. Number k of them is one parquet file of steps, one
of episodes and one video, all named chunk-<k // 1000>/file-<k % 1000>; the texts and the totals stand
once, in meta/.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.data.layout import VERSION
from tasks.data.video_file import PixelFormat

FILES_PER_CHUNK: Final = 1000

_FILE: Final = "chunk-{chunk_index:03d}/file-{file_index:03d}"
DATA_PATH: Final = f"data/{_FILE}.parquet"
VIDEO_PATH: Final = f"videos/{{video_key}}/{_FILE}.mp4"
EPISODES_PATH: Final = f"meta/episodes/{_FILE}.parquet"
TASKS_PATH: Final = "meta/tasks.parquet"
STATS_PATH: Final = "meta/stats.json"

PIXELS: Final[PixelFormat] = "yuv444p"
"""A thing is a few pixels wide: halved colour planes would mix it with what is behind it."""
SCALARS: Final = {
    "next.success": "bool",
    "next.done": "bool",
    "subgoal_index": "int64",
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}


@dataclass(frozen=True)
class Schema:
    """What a world's datasets hold beside words and scalars."""

    robot: str
    camera: str
    """Feature name of the pictures."""
    vectors: Mapping[str, tuple[str, ...]]
    """Feature name -> the names of its numbers, float32."""


def file_path(pattern: str, number: int, camera: str) -> str:
    """Where file `number` of a kind is, relative to the dataset's root."""
    chunk, file = divmod(number, FILES_PER_CHUNK)
    return pattern.format(chunk_index=chunk, file_index=file, video_key=camera)


def step_table(schema: Schema, columns: Mapping[str, NDArray[Any]]) -> Any:
    """The arrow table of an episode's steps, from arrays [T] or [T, ...] under the features' names."""
    arrays = {}
    for key, names in schema.vectors.items():
        flat = pa.array(columns[key].astype(np.float32).reshape(-1))
        arrays[key] = pa.FixedSizeListArray.from_arrays(flat, len(names))
    for key, dtype in SCALARS.items():
        arrays[key] = pa.array(columns[key].astype(dtype))
    return pa.table(arrays)


def text_table(name: str, texts: Mapping[str, int]) -> Any:
    """Texts and their numbers; the metadata makes pandas, which LeRobot reads it with, index by text."""
    number = f"{name}_index"
    kinds = {number: ("int64", "int64"), name: ("unicode", "object")}
    columns = [
        {"name": key, "field_name": key, "pandas_type": kind, "numpy_type": numpy_type, "metadata": None}
        for key, (kind, numpy_type) in kinds.items()
    ]
    pandas = {"index_columns": [name], "column_indexes": [], "columns": columns, "pandas_version": "2.2.0"}
    table = pa.table({number: pa.array(texts.values(), pa.int64()), name: pa.array(texts, pa.string())})
    return table.replace_schema_metadata({"pandas": json.dumps(pandas)})


def info(
    schema: Schema, *, size: tuple[int, int], fps: int, episodes: int, frames: int, tasks: int
) -> dict[str, Any]:
    """The content of info.json; `size` is the frames' height and width, the rest are totals."""
    return {
        "codebase_version": VERSION,
        "robot_type": schema.robot,
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": tasks,
        "chunks_size": FILES_PER_CHUNK,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": fps,
        "splits": {"train": f"0:{episodes}"},
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH,
        "features": _features(schema, size[0], size[1], fps),
    }


def _features(schema: Schema, height: int, width: int, fps: int) -> dict[str, Any]:
    video = {
        "video.height": height,
        "video.width": width,
        "video.codec": "h264",
        "video.pix_fmt": PIXELS,
        "video.is_depth_map": False,
        "video.fps": fps,
        "video.channels": 3,
        "has_audio": False,
    }
    image = {
        "dtype": "video",
        "shape": [height, width, 3],
        "names": ["height", "width", "channels"],
        "info": video,
    }
    vectors = {
        key: {"dtype": "float32", "shape": [len(names)], "names": list(names)}
        for key, names in schema.vectors.items()
    }
    scalars = {key: {"dtype": dtype, "shape": [1], "names": None} for key, dtype in SCALARS.items()}
    return {schema.camera: image, **vectors, **scalars}
