"""Episodes of the tabletop, and the way back to them from a LeRobotDataset v3.0 on disk."""

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

from tasks.data.layout import INFO_PATH, SUBGOALS_PATH, VERSION, DatasetError, one_task
from tasks.data.lerobot_layout import DATA_PATH, EPISODES_PATH, SCALARS, VIDEO_PATH, Schema, file_path
from tasks.data.video_file import VideoFileError, read_frames
from tasks.tabletop.world.board import KINDS

CAMERA: Final = "observation.images.board"
VECTORS: Final = {
    "observation.state": ("effector_x", "effector_y", "target_x", "target_y"),
    "action": ("x", "y"),
    "observation.environment_state": tuple(f"{kind}_{part}" for kind in KINDS for part in ("x", "y", "yaw")),
}
BOARD: Final = Schema("tabletop_pusher", CAMERA, VECTORS)


@dataclass(frozen=True)
class RecordedEpisode:
    """T >= 1 steps of the tabletop, the frame and the state of each taken before its action.

    Raises:
        DatasetError: the arrays do not fit together, or a number but a block's pose is not finite.
    """

    rgb: NDArray[np.uint8]
    """[T, H, W, 3]."""
    effector: NDArray[np.float32]
    """[T, 2], metres: where the pusher is."""
    effector_target: NDArray[np.float32]
    """[T, 2], metres: the set point it follows."""
    action: NDArray[np.float32]
    """[T, 2], metres: the change of the set point."""
    blocks: NDArray[np.float32]
    """[T, 16, 3], x and y in metres, yaw in radians, in the order of `KINDS`; NaN where a kind is not
    on the board."""
    instruction: str
    """The goal of the whole episode."""
    subgoal: tuple[str, ...]
    """One text a step."""
    success: bool
    source: str
    """Who made it: "push", "long", "play" or "failure"."""

    def __post_init__(self) -> None:
        steps = len(self.rgb)
        expected = {
            "effector": (steps, 2),
            "effector_target": (steps, 2),
            "action": (steps, 2),
            "blocks": (steps, len(KINDS), 3),
        }
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 4 or self.rgb.shape[3] != 3 or not steps:
            raise _misfit("rgb uint8 [T, H, W, 3] with T >= 1", f"{self.rgb.dtype} {list(self.rgb.shape)}")
        for name, shape in expected.items():
            array: NDArray[np.float32] = getattr(self, name)
            if array.shape != shape:
                raise _misfit(f"{name} {list(shape)}", str(list(array.shape)))
            if name != "blocks" and not np.isfinite(array).all():
                raise _misfit(f"{name} of finite metres", "NaN or infinity")
        if len(self.subgoal) != steps:
            raise _misfit(f"{steps} subgoals, one text a step", str(len(self.subgoal)))

    def __len__(self) -> int:
        return len(self.rgb)

    @property
    def about(self) -> dict[str, Any]:
        """Nothing more."""
        return {}

    def vectors(self) -> dict[str, NDArray[np.float32]]:
        """What stands in the columns of `VECTORS`, [T, D] each."""
        return {
            "observation.state": np.concatenate([self.effector, self.effector_target], axis=1),
            "action": self.action,
            "observation.environment_state": self.blocks.reshape(len(self), -1),
        }


def _misfit(expected: str, got: str) -> DatasetError:
    return DatasetError(f"expected an episode with {expected}, got {got}; mend or leave it out")


def read_episodes(root: Path) -> Iterator[RecordedEpisode]:
    """Decode a dataset's episodes in the order they were written; one at a time is in memory.

    Frames come back as H.264 keeps them (a few levels off), all else exactly.

    Raises:
        DatasetError: not a dataset of this layout, or a damaged one.
    """
    about = _read_info(root)
    fps = float(about["fps"])
    subgoals: list[str] = _read_table(root / SUBGOALS_PATH, ["subgoal"])["subgoal"].to_pylist()
    columns = ["episode_index", "tasks", "length", "dataset_from_index", "success", "source"]
    columns.append(f"videos/{CAMERA}/from_timestamp")
    remaining = int(about["total_episodes"])
    number = 0
    while remaining > 0:
        rows = _read_table(root / file_path(EPISODES_PATH, number, CAMERA), columns).to_pylist()[:remaining]
        steps = _read_table(root / file_path(DATA_PATH, number, CAMERA), [*VECTORS, *SCALARS])
        video = root / file_path(VIDEO_PATH, number, CAMERA)
        for row in rows:
            yield _episode(row, steps, video, fps, subgoals)
        remaining -= len(rows)
        number += 1


def _read_info(root: Path) -> dict[str, Any]:
    try:
        about = json.loads((root / INFO_PATH).read_text(encoding="utf-8"))
        version, columns = about["codebase_version"], about["features"]
        complete = float(about["fps"]) > 0 and int(about["total_episodes"]) >= 0
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"expected a dataset folder with {INFO_PATH}, got {root}; give the folder that was collected"
        ) from error
    if not complete:
        raise DatasetError(
            f"expected fps above 0 and total_episodes in {INFO_PATH} of {root}, got {about['fps']} and "
            f"{about['total_episodes']}; collect it again"
        )
    shape = columns.get("observation.environment_state", {}).get("shape")
    if version != VERSION or shape != [len(KINDS) * 3]:
        raise DatasetError(
            f"expected a LeRobotDataset {VERSION} with the poses of {len(KINDS)} blocks, got "
            f"version {version} and observation.environment_state {shape} in {root}; collect it again"
        )
    return dict(about)


def _read_table(path: Path, columns: list[str]) -> Any:
    try:
        with pq.ParquetFile(path) as file:
            missing = set(columns) - set(file.schema_arrow.names)
            if missing:
                raise pa.ArrowKeyError(f"without {', '.join(sorted(missing))}")
            return file.read(columns)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(
            f"expected a parquet file, got {path}: {error}; collect the dataset again"
        ) from error


def _episode(
    row: dict[str, Any], steps: Any, video: Path, fps: float, subgoals: list[str]
) -> RecordedEpisode:
    length = row["length"]
    part = steps.slice(row["dataset_from_index"] - steps["index"][0].as_py(), length)
    if part.num_rows != length or set(part["episode_index"].to_pylist()) != {row["episode_index"]}:
        raise DatasetError(
            f"expected {length} steps of episode {row['episode_index']} beside {video.name}, "
            f"got {part.num_rows} steps; collect the dataset again"
        )
    times = row[f"videos/{CAMERA}/from_timestamp"] + np.arange(length) / fps
    try:
        rgb = read_frames(video, times, tolerance=0.25 / fps)
    except VideoFileError as error:
        raise DatasetError(f"episode {row['episode_index']}: {error}") from error
    numbers = part["subgoal_index"].to_pylist()
    if not all(0 <= number < len(subgoals) for number in numbers):
        raise DatasetError(
            f"expected one of {len(subgoals)} subgoals in column subgoal_index of episode "
            f"{row['episode_index']}, got {min(numbers)} to {max(numbers)}; collect the dataset again"
        )
    state = _rows(part["observation.state"])
    return RecordedEpisode(
        rgb=rgb,
        effector=state[:, :2],
        effector_target=state[:, 2:],
        action=_rows(part["action"]),
        blocks=_rows(part["observation.environment_state"]).reshape(length, len(KINDS), 3),
        instruction=one_task(row["tasks"], f"column tasks, episode {row['episode_index']},"),
        subgoal=tuple(subgoals[number] for number in numbers),
        success=row["success"],
        source=row["source"],
    )


def _rows(column: Any) -> NDArray[np.float32]:
    """A column of fixed-size lists as float32 [T, D]."""
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    values: NDArray[np.float32] = np.array(flat, dtype=np.float32).reshape(len(column), -1)
    return values
