"""Datasets as LeRobot lays them out, written from its documentation alone, a writer for each version.

https://huggingface.co/docs/lerobot/lerobot-dataset-v3 and, for 2.1, the layout that its converter tells of.
Nothing of the project's own writer or reader is used.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from tests.scheduling import ordinary_scheduling

CODECS = {
    "h264": ("libx264", "yuv420p", {"crf": "10", "bf": "2"}),
    "h264-444": ("libx264", "yuv444p", {"crf": "10"}),
    "hevc": ("libx265", "yuv420p", {"crf": "10", "x265-params": "log-level=none"}),
    "av1": ("libsvtav1", "yuv420p", {"crf": "20", "g": "2", "svtav1-params": "lp=1"}),
}
"""As LeRobot encodes (AV1 by SVT with a key frame every other), and as others do."""
JOINTS = ("shoulder_pan.pos", "elbow_flex.pos")


Draw = Callable[[int, int, int, tuple[int, int]], NDArray[np.uint8]]
"""Of episode, frame, camera and size."""
Act = Callable[[int, int], list[float]]
"""Of episode and frame."""


@dataclass(frozen=True)
class Shot:
    """A camera of a set."""

    name: str = "observation.images.front"
    size: tuple[int, int] = (48, 64)
    codec: str = "h264"
    """Of `CODECS`, or "png": pictures in parquet."""


@dataclass(frozen=True)
class Made:
    """What a set is to hold."""

    cameras: Sequence[Shot] = (Shot(),)
    lengths: Sequence[int] = (12, 9, 14)
    fps: int = 30
    jitter: float = 0.0
    """Seconds that stated times are off, back and forth."""
    names: Any = field(default_factory=lambda: list(JOINTS))
    tasks: Sequence[str] = ("open the drawer", "close the drawer")
    draw: Draw | None = None
    """Else `picture`."""
    act: Act | None = None
    """Else `action`."""


def picture(episode: int, frame: int, camera: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A bright field that moves to the right with the frames, of another colour in each episode; the corner
    tells the camera."""
    height, width = size
    out = np.full((height, width, 3), 40, np.uint8)
    left = 2 * frame
    out[height // 4 : height // 2, left : left + 12, episode % 3] = 230
    out[-height // 4 :, :, :] = 100 + 60 * camera
    return out


def shown(rgb: NDArray[np.uint8]) -> list[int]:
    """Of pictures [T, H, W, 3] as `picture` draws them the frame numbers."""
    rows = rgb[:, rgb.shape[1] // 4 + 2 : rgb.shape[1] // 2 - 2].astype(int).max(-1).mean(1)
    bright = rows > 130
    return [round(float(np.flatnonzero(row)[0]) / 2) for row in bright]


def action(episode: int, frame: int) -> list[float]:
    """Of each joint."""
    return [float(frame), -10.0 * episode - 0.5 * frame]


def _frames(made: Made, episode: int, camera: int) -> list[NDArray[np.uint8]]:
    size = made.cameras[camera].size
    draw = made.draw or picture
    return [draw(episode, k, camera, size) for k in range(made.lengths[episode])]


def _film(path: Path, frames: Sequence[NDArray[np.uint8]], fps: int, codec: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    encoder, pixels, options = CODECS[codec]
    with ordinary_scheduling(), av.open(str(path), "w") as file:
        stream: Any = file.add_stream(encoder, rate=fps, options=options)
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], pixels
        for number, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def _png(rgb: NDArray[np.uint8]) -> dict[str, Any]:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "png")
    return {"bytes": out.getvalue(), "path": None}


def _features(made: Made, width: int = 2) -> dict[str, Any]:
    features: dict[str, Any] = {
        "action": {"dtype": "float32", "shape": [width], "names": made.names},
        "observation.state": {"dtype": "float32", "shape": [width], "names": made.names},
    }
    for shot in made.cameras:
        filmed = shot.codec != "png"
        features[shot.name] = {
            "dtype": "video" if filmed else "image",
            "shape": [*shot.size, 3],
            "names": ["height", "width", "channels"],
            "info": {"video.codec": shot.codec} if filmed else None,
        }
    for name, kind in {"timestamp": "float32", "frame_index": "int64", "episode_index": "int64"}.items():
        features[name] = {"dtype": kind, "shape": [1], "names": None}
    return features


def _steps(made: Made, episode: int) -> dict[str, list[Any]]:
    length = made.lengths[episode]
    off = [made.jitter * (-1) ** k for k in range(length)]
    columns: dict[str, list[Any]] = {
        "action": [(made.act or action)(episode, k) for k in range(length)],
        "observation.state": [(made.act or action)(episode, k) for k in range(length)],
        "timestamp": [k / made.fps + (off[k] if k else 0.0) for k in range(length)],
        "frame_index": list(range(length)),
        "episode_index": [episode] * length,
        "index": [sum(made.lengths[:episode]) + k for k in range(length)],
        "task_index": [episode % len(made.tasks)] * length,
    }
    for number, shot in enumerate(made.cameras):
        if shot.codec == "png":
            columns[shot.name] = [_png(rgb) for rgb in _frames(made, episode, number)]
    return columns


def _table(columns: dict[str, list[Any]]) -> pa.Table:
    kinds = {
        "action": pa.list_(pa.float32()),
        "observation.state": pa.list_(pa.float32()),
        "timestamp": pa.float32(),
    }
    return pa.table({name: pa.array(values, kinds.get(name)) for name, values in columns.items()})


def _info(root: Path, made: Made, version: str, **more: Any) -> None:
    about = {
        "codebase_version": version,
        "robot_type": "so101_follower",
        "total_episodes": len(made.lengths),
        "total_frames": sum(made.lengths),
        "total_tasks": len(made.tasks),
        "chunks_size": 1000,
        "fps": made.fps,
        "splits": {"train": f"0:{len(made.lengths)}"},
        "features": _features(made),
        **more,
    }
    (root / "meta").mkdir(parents=True, exist_ok=True)
    (root / "meta/info.json").write_text(json.dumps(about, indent=4))


def write_v3(root: Path, made: Made) -> Path:
    """All episodes in one data file, and one video a camera."""
    films = any(shot.codec != "png" for shot in made.cameras)
    path = "/chunk-{chunk_index:03d}/file-{file_index:03d}"
    _info(
        root, made, "v3.0",
        data_path=f"data{path}.parquet", video_path=f"videos/{{video_key}}{path}.mp4" if films else None,
        data_files_size_in_mb=100, video_files_size_in_mb=200,
    )  # fmt: skip
    count = range(len(made.lengths))
    (root / "data/chunk-000").mkdir(parents=True)
    whole = pa.concat_tables([_table(_steps(made, episode)) for episode in count])
    pq.write_table(whole, root / "data/chunk-000/file-000.parquet")
    rows: list[dict[str, Any]] = [
        {
            "episode_index": episode,
            "tasks": [made.tasks[episode % len(made.tasks)]],
            "length": made.lengths[episode],
            "data/chunk_index": 0,
            "data/file_index": 0,
            "dataset_from_index": sum(made.lengths[:episode]),
            "dataset_to_index": sum(made.lengths[: episode + 1]),
        }
        for episode in count
    ]
    for number, shot in enumerate(made.cameras):
        if shot.codec == "png":
            continue
        frames = [rgb for episode in count for rgb in _frames(made, episode, number)]
        _film(root / f"videos/{shot.name}/chunk-000/file-000.mp4", frames, made.fps, shot.codec)
        for episode, row in enumerate(rows):
            begin, end = sum(made.lengths[:episode]), sum(made.lengths[: episode + 1])
            row |= {f"videos/{shot.name}/chunk_index": 0, f"videos/{shot.name}/file_index": 0}
            row[f"videos/{shot.name}/from_timestamp"] = begin / made.fps
            row[f"videos/{shot.name}/to_timestamp"] = end / made.fps
    (root / "meta/episodes/chunk-000").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), root / "meta/episodes/chunk-000/file-000.parquet")
    tasks = pa.table({"task_index": list(range(len(made.tasks))), "task": list(made.tasks)})
    pq.write_table(tasks, root / "meta/tasks.parquet")
    return root


def write_v21(root: Path, made: Made, version: str = "v2.1") -> Path:
    """A data file and a video for each episode, metadata in lines of JSON."""
    place = "chunk-{episode_chunk:03d}/"
    films = any(shot.codec != "png" for shot in made.cameras)
    video = f"videos/{place}{{video_key}}/episode_{{episode_index:06d}}.mp4"
    _info(
        root, made, version,
        data_path=f"data/{place}episode_{{episode_index:06d}}.parquet", video_path=video if films else None,
    )  # fmt: skip
    (root / "data/chunk-000").mkdir(parents=True)
    lines = []
    for episode, length in enumerate(made.lengths):
        pq.write_table(_table(_steps(made, episode)), root / f"data/chunk-000/episode_{episode:06d}.parquet")
        task = made.tasks[episode % len(made.tasks)]
        lines.append(json.dumps({"episode_index": episode, "tasks": [task], "length": length}))
        for number, shot in enumerate(made.cameras):
            if shot.codec != "png":
                path = root / f"videos/chunk-000/{shot.name}/episode_{episode:06d}.mp4"
                _film(path, _frames(made, episode, number), made.fps, shot.codec)
    (root / "meta/episodes.jsonl").write_text("\n".join(lines) + "\n")
    told = [json.dumps({"task_index": k, "task": task}) for k, task in enumerate(made.tasks)]
    (root / "meta/tasks.jsonl").write_text("\n".join(told) + "\n")
    return root


WRITERS = {"v3.0": write_v3, "v2.1": write_v21}
