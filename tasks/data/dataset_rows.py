"""The episodes of a LeRobotDataset of any maker: where each one is, and what is said of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tasks.data.dataset_about import SLACK, About, misfit, read_columns
from tasks.data.layout import EPISODES_LINES, INFO_PATH, VERSION, DatasetError, one_task, why_not


@dataclass(frozen=True)
class VideoPlace:
    """Where one camera saw an episode."""

    path: Path
    start: float
    """Seconds into the video."""


@dataclass(frozen=True)
class EpisodeRow:
    """Where an episode is, and what is said of it."""

    number: int
    length: int
    task: str
    success: bool | None
    """None where the dataset does not say."""
    data: Path
    films: Mapping[str, VideoPlace]
    """By camera; none for those whose pictures stand in the data file."""

    @property
    def name(self) -> str:
        """As messages call it."""
        return f"episode {self.number}"


@dataclass(frozen=True)
class Listed:
    """An episode as it is listed: read, or what is wrong with its row."""

    number: int | None
    row: EpisodeRow | None
    fault: DatasetError | None = None


def read_rows(about: About) -> list[EpisodeRow]:
    """All episodes, in the dataset's order. Raises DatasetError."""
    rows = []
    for listed in list_rows(about):
        if listed.fault is not None:
            raise listed.fault
        assert listed.row is not None
        rows.append(listed.row)
    return rows


def list_rows(about: About) -> list[Listed]:
    """All episodes in the dataset's order, each read or with its fault. Raises DatasetError where the list
    itself can't be read, or is shorter than the dataset says."""
    rows = (_lines(about) if about.per_episode else _table(about))[: about.episodes]
    if about.episodes is not None and len(rows) < about.episodes:
        where = EPISODES_LINES if about.per_episode else "meta/episodes"
        raise misfit(about.root, where, f"{about.episodes} episodes as in {INFO_PATH}", len(rows))
    found = []
    for row in rows:
        number = row.get("episode_index")
        try:
            found.append(Listed(number, _row(about, row)))
        except DatasetError as error:
            found.append(Listed(number if type(number) is int else None, None, error))
    return _apart(about, found)


def _table(about: About) -> list[dict[str, Any]]:
    """Rows of version 3."""
    files = sorted((about.root / "meta" / "episodes").rglob("*.parquet"))
    if not files:
        raise DatasetError(
            f"expected meta/episodes in {about.root}, got none; give a whole LeRobotDataset {VERSION}"
        )
    keys = ("chunk_index", "file_index", "from_timestamp")
    columns = ["episode_index", "length", "tasks", "success", "data/chunk_index", "data/file_index"]
    columns += [f"videos/{camera.name}/{key}" for camera in about.cameras for key in keys]
    return [row for file in files for row in read_columns(file, columns).to_pylist()]


def _lines(about: About) -> list[dict[str, Any]]:
    """Rows of versions 2."""
    path, rows = about.root / EPISODES_LINES, []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                rows.append(dict(json.loads(line)))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DatasetError(
            f"expected a line of JSON for each episode in {path}, got {why_not(path, error)}; "
            f"give a whole LeRobotDataset {about.version}"
        ) from error
    return rows


def _row(about: About, row: dict[str, Any]) -> EpisodeRow:
    number = _whole(about, row, "episode_index", "an episode")
    name = f"episode {number}"
    success = row.get("success")
    if not (success is None or isinstance(success, bool)):
        raise misfit(about.root, f"column success, {name},", "true or false", repr(success))
    return EpisodeRow(
        number=number,
        length=_whole(about, row, "length", name, least=1),
        task=one_task(row.get("tasks"), f"column tasks, {name}, of {about.root},"),
        success=success,
        data=_path(about, about.data_path, "data_path", _place(about, row, number, "data")),
        films={one.name: _film(about, row, number, one.name) for one in about.cameras if one.filmed},
    )


def _place(about: About, row: dict[str, Any], number: int, where: str) -> dict[str, int]:
    """What a path is made of."""
    if about.per_episode:
        return {"episode_chunk": number // about.chunk, "episode_index": number}
    keys = ("chunk_index", "file_index")
    return {key: _whole(about, row, f"{where}/{key}", f"episode {number}") for key in keys}


def _film(about: About, row: dict[str, Any], number: int, camera: str) -> VideoPlace:
    where = f"videos/{camera}"
    place = _place(about, row, number, where)
    path = _path(about, about.video_path, "video_path", {"video_key": camera, **place})
    start = 0.0 if about.per_episode else row.get(f"{where}/from_timestamp")
    if not isinstance(start, int | float) or not (math.isfinite(start) and start >= 0):
        column = f"column {where}/from_timestamp, episode {number},"
        raise misfit(about.root, column, "seconds", repr(start))
    return VideoPlace(path, float(start))


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


def _apart(about: About, listed: list[Listed]) -> list[Listed]:
    """The same, with a fault for an episode that is there twice or lies on another's frames."""
    faults = dict(_overlaps(about, [one.row for one in listed if one.row is not None]))
    seen: set[int] = set()
    found = []
    for one in listed:
        fault = faults.get(one.number) if one.number is not None and one.row is not None else None
        if one.row is not None and one.row.number in seen:
            twice = f"{one.row.name} twice"
            fault = misfit(about.root, "column episode_index", "each episode once", twice)
        if one.row is not None:
            seen.add(one.row.number)
        found.append(one if fault is None else Listed(one.number, None, fault))
    return found


def _overlaps(about: About, rows: list[EpisodeRow]) -> Iterator[tuple[int, DatasetError]]:
    """Episode and fault, where one's frames begin before another's end."""
    for camera in about.cameras:
        filmed = [(row.films[camera.name], row) for row in rows if camera.name in row.films]
        filmed.sort(key=lambda pair: (str(pair[0].path), pair[0].start))
        for (film, row), (other, later) in pairwise(filmed):
            end = film.start + (row.length - SLACK) / about.fps
            if film.path == other.path and other.start < end and row.number != later.number:
                where = f"column videos/{camera.name}/from_timestamp, {later.name},"
                expected = f"{end:.3f} s or later, after {row.name}"
                yield later.number, misfit(about.root, where, expected, f"{other.start:.3f} s")
