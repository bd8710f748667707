"""What a LeRobotDataset of any maker says of itself, checked before anything else of it is read."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.data.layout import ACTIONS, INFO_PATH, PER_EPISODE, READABLE, DatasetError, why_not

SLACK: Final = 0.25
"""Share of a frame's period that a time may be off."""
CHUNK: Final = 1000
"""Episodes in a folder of versions 2, where it is not said."""


@dataclass(frozen=True)
class CameraFeature:
    """A camera of a dataset."""

    name: str
    filmed: bool
    """Whether its pictures are in videos; else they stand in the data files."""
    size: tuple[int, int] | None
    """Height and width in pixels as the dataset says; None where it does not."""
    codec: str = ""
    """As the dataset says."""


@dataclass(frozen=True)
class About:
    """What stands in info.json."""

    root: Path
    version: str
    fps: float
    data_path: str
    video_path: str
    """Empty where no chosen camera has videos."""
    cameras: tuple[CameraFeature, ...]
    """Those whose pictures are read, in their order from left to right."""
    known: tuple[CameraFeature, ...]
    """All that there are, but for depth."""
    action: int | None
    """How many numbers an action has; None where there are none."""
    action_column: str
    """Empty where there are none."""
    action_names: tuple[str, ...]
    """One each; empty where the dataset does not name them."""
    episodes: int | None
    """How many there are to be; None where it is not said."""
    frames: int | None
    """In all; None where it is not said."""
    chunk: int = CHUNK
    """Episodes in a folder of versions 2."""

    @property
    def per_episode(self) -> bool:
        """Whether each episode has files of its own."""
        return self.version in PER_EPISODE


def misfit(root: Path, where: str, expected: str, got: object) -> DatasetError:
    """The error for one place of a dataset."""
    return DatasetError(f"expected {expected} in {where} of {root}, got {got}; mend the dataset")


def read_about(root: Path, cameras: tuple[str, ...] | None = ()) -> About:
    """`cameras`: those to read; none: the only one; None: no pictures at all.

    Raises DatasetError: not a dataset of these versions, or one in which the camera is not clear.
    """
    try:
        about: dict[str, Any] = json.loads((root / INFO_PATH).read_text(encoding="utf-8"))
        version, features = about["codebase_version"], dict(about["features"])
        known = _known(features)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DatasetError(
            f"expected a LeRobotDataset with videos or pictures and {INFO_PATH}, got {root}; "
            "give such a folder"
        ) from error
    if version not in READABLE:
        raise DatasetError(
            f"expected a LeRobotDataset {', '.join(READABLE)}, got {version} in {root}; convert it"
        )
    chosen = () if cameras is None else _chosen(known, cameras, root)
    filmed = any(camera.filmed for camera in chosen)
    for key in ["data_path", "video_path"] if filmed else ["data_path"]:
        if not isinstance(about.get(key), str):
            raise misfit(root, INFO_PATH, f"{key}, a text", repr(about.get(key)))
    action = next((name for name in ACTIONS if name in features), "")
    width = _width(features[action], root) if action else None
    return About(
        root=root,
        version=version,
        fps=_fps(about.get("fps"), root),
        data_path=about["data_path"],
        video_path=about["video_path"] if filmed else "",
        cameras=chosen,
        known=known,
        action=width,
        action_column=action,
        action_names=_names(features.get(action, {}).get("names"), width),
        episodes=_count(about.get("total_episodes")),
        frames=_count(about.get("total_frames")),
        chunk=_count(about.get("chunks_size")) or CHUNK,
    )


def _known(features: dict[str, Any]) -> tuple[CameraFeature, ...]:
    """All cameras; depth is no picture."""
    found = []
    for name, kind in features.items():
        dtype, told = str(kind["dtype"]), [kind.get("info"), kind.get("video_info")]
        about = {key: value for one in told if isinstance(one, dict) for key, value in one.items()}
        depth = about.get("is_depth_map") or about.get("video.is_depth_map")
        if dtype in ("video", "image") and not depth:
            codec = str(about.get("video.codec") or "")
            found.append(CameraFeature(name, dtype == "video", _size(kind.get("shape")), codec))
    return tuple(found)


def _size(shape: object) -> tuple[int, int] | None:
    """Height and width of [H, W, C], or of [C, H, W]."""
    if not (isinstance(shape, list | tuple) and len(shape) == 3 and all(type(n) is int for n in shape)):
        return None
    first = shape[0] in (1, 3, 4) and shape[2] not in (1, 3, 4)
    height, width = shape[1:] if first else shape[:2]
    return (height, width) if min(height, width) > 0 else None


def _chosen(
    known: tuple[CameraFeature, ...], cameras: tuple[str, ...], root: Path
) -> tuple[CameraFeature, ...]:
    """Those named, in full or by what follows the last dot; or the only one."""
    names = ", ".join(camera.name for camera in known)
    if not cameras and len(known) == 1:
        return known
    if not cameras and known:
        raise DatasetError(
            f"expected the name of one of {len(known)} cameras in {root}, got none; "
            f"choose with --camera: {names} (several, with commas: side by side)"
        )
    found = []
    for name in cameras or ("",):
        alike = [one for one in known if one.name == name] or [
            one for one in known if name and one.name.endswith(f".{name}")
        ]
        if len(alike) != 1:
            raise DatasetError(
                f"expected the video {name or 'of a camera'} in {root}, got {names or 'none'}; "
                "choose one that is there"
            )
        found += alike
    if len(set(found)) < len(found):
        raise DatasetError(f"expected each camera once, got {', '.join(cameras)}; name others")
    return tuple(found)


def _names(names: object, width: int | None) -> tuple[str, ...]:
    """Of an action's numbers: a list, or lists by kind as versions 2 have it."""
    if isinstance(names, dict):
        names = [name for some in names.values() for name in (some if isinstance(some, list) else [some])]
    good = isinstance(names, list) and len(names) == width and all(isinstance(name, str) for name in names)
    return tuple(names) if good and isinstance(names, list) and len(set(names)) == width else ()


def _count(number: object) -> int | None:
    return number if type(number) is int else None


def _fps(fps: object, root: Path) -> float:
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not (math.isfinite(fps) and fps > 0):
        raise misfit(root, INFO_PATH, "fps, frames a second above 0", repr(fps))
    return float(fps)


def _width(kind: dict[str, Any], root: Path) -> int:
    shape = kind.get("shape")
    if not (isinstance(shape, list | tuple) and len(shape) == 1 and type(shape[0]) is int and shape[0] > 0):
        raise misfit(root, f"features, actions, of {INFO_PATH}", "a shape of one number", repr(shape))
    return int(shape[0])


def read_columns(path: Path, columns: list[str]) -> Any:
    """Those of the columns that a parquet file has, as an arrow table. Raises DatasetError."""
    try:
        with pq.ParquetFile(path) as file:
            there = set(file.schema_arrow.names)
            return file.read([name for name in columns if name in there])
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(
            f"expected a parquet file, got {path}: {why_not(path, error)}; mend the dataset"
        ) from error
