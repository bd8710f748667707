"""The steps of a LeRobotDataset of any maker, checked, and each file of them read once."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from tasks.data.dataset_about import SLACK, About, misfit, read_columns
from tasks.data.dataset_rows import EpisodeRow
from tasks.data.subtasks import PERSISTENT, Subtasks

Fit = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""A picture uint8 [H, W, 3] to one of another size."""
_COLOURS: Final = ("RGB", "RGBA", "L", "P", "1")
"""Modes of pictures with 8 bits a channel: what has more is not a picture but a depth."""


class StepFiles:
    """The data files; the last one stays in memory, as episodes mostly come in its order."""

    def __init__(self, about: About) -> None:
        self._about = about
        self._columns = ["episode_index", "frame_index", "timestamp", "subgoal_index", "subtask_index"]
        self._columns += [about.action_column or "action", PERSISTENT]
        self._columns += [camera.name for camera in about.cameras if not camera.filmed]
        self._path: object = None
        self._table: Any = None
        self._numbers: NDArray[np.int64] = np.zeros(0, np.int64)

    def of(self, episode: EpisodeRow) -> EpisodeSteps:
        """An episode's steps in their order. Raises DatasetError for a step that is missing or doubled."""
        if episode.data != self._path:
            self._table = read_columns(episode.data, self._columns)
            self._numbers = EpisodeSteps(self._about, episode, self._table).whole("episode_index")
            self._path = episode.data
        at = np.flatnonzero(self._numbers == episode.number)
        if len(at) != episode.length:
            raise misfit(
                self._about.root,
                f"column episode_index of {episode.data.name}, {episode.name},",
                f"{episode.length} steps",
                len(at),
            )
        alike = at[-1] - at[0] + 1 == len(at)
        table = self._table.slice(at[0], len(at)) if alike else self._table.take(at)
        return EpisodeSteps(self._about, episode, table).ordered()


class EpisodeSteps:
    """The steps of one episode; every reader raises DatasetError that names episode and column."""

    def __init__(self, about: About, episode: EpisodeRow, table: Any) -> None:
        self._about, self._episode, self._table = about, episode, table

    def ordered(self) -> EpisodeSteps:
        """By frame_index, where there is one: 0, 1, 2 and so on, each once."""
        if not self.has("frame_index"):
            return self
        index = self.whole("frame_index")
        order = np.argsort(index, kind="stable")
        wrong = np.flatnonzero(index[order] != np.arange(len(index)))
        if len(wrong):
            got = f"{index[order[wrong[0]]]} in the place of {wrong[0]}"
            raise self._misfit("frame_index", "every frame once, from 0 on", got)
        alike = bool((order == np.arange(len(order))).all())
        return self if alike else EpisodeSteps(self._about, self._episode, self._table.take(order))

    def has(self, column: str) -> bool:
        """Whether there is such a column."""
        return column in self._table.column_names

    def whole(self, column: str) -> NDArray[np.int64]:
        """Whole numbers [T]."""
        values = self._column(column)
        if not pa.types.is_integer(values.type) or values.null_count:
            raise self._misfit(column, "whole numbers", f"{values.type} with {values.null_count} nulls")
        return np.asarray(values.to_numpy(), dtype=np.int64)

    def times(self) -> NDArray[np.float64]:
        """Seconds [T] from the episode's beginning, one period apart."""
        fps = self._about.fps
        if not self.has("timestamp"):
            return np.arange(self._episode.length) / fps
        values = self._column("timestamp")
        if not pa.types.is_floating(values.type) or values.null_count:
            raise self._misfit("timestamp", "seconds", f"{values.type} with {values.null_count} nulls")
        times = np.asarray(values.to_numpy(), dtype=np.float64)
        off = np.abs(np.diff(times) * fps - 1)
        # Written so that a time that is no number is wrong as well.
        wrong = np.flatnonzero(~(off <= SLACK))
        if not np.isfinite(times).all() or len(wrong):
            k = int(wrong[0]) if len(wrong) else 0
            got = f"{times[k]:.3f} s, then {times[min(k + 1, len(times) - 1)]:.3f} s at frame {k + 1}"
            raise self._misfit("timestamp", f"one frame every {1 / fps:.3f} s", got)
        return times

    def actions(self) -> NDArray[np.float32] | None:
        """[T, A], finite; None where the dataset has none."""
        if self._about.action is None:
            return None
        name = self._about.action_column
        values = self._column(name)
        shape = (self._episode.length, self._about.action)
        inner = getattr(values.type, "value_type", values.type)
        rows = values.to_pylist()
        if inner == values.type:
            rows = [[row] for row in rows]  # A vector of one is kept as a number.
        expected = f"{shape[1]} finite numbers a frame"
        if not (pa.types.is_floating(inner) or pa.types.is_integer(inner)):
            raise self._misfit(name, expected, values.type)
        try:
            actions = np.array(rows, np.float32)
        except (ValueError, TypeError, OverflowError) as error:
            raise self._misfit(name, expected, f"{values.type}: {error}") from error
        if actions.shape != shape:
            raise self._misfit(name, expected, f"{values.type} of shape {list(actions.shape)}")
        if not np.isfinite(actions).all():
            raise self._misfit(name, expected, "NaN or infinity")
        return actions

    def subgoals(self, subtasks: Subtasks) -> tuple[str, ...]:
        """What is to be done in each frame, in words; empty where the dataset does not say."""
        if self.has(PERSISTENT) and not subtasks.texts:
            told = self._column(PERSISTENT)[0].as_py()
            return subtasks.spoken(told, self.times(), self._episode.task)
        if not subtasks.texts:
            return ()
        numbers, texts = self.whole(subtasks.column).tolist(), dict(subtasks.texts)
        if subtasks.may_lack:
            texts[-1] = self._episode.task
        for frame, number in enumerate(numbers):
            if number not in texts:
                got = f"{number} at {frame}"
                raise self._misfit(subtasks.column, f"one of {len(subtasks.texts)} subgoals", got)
        return tuple(texts[number] for number in numbers)

    def pictures(self, camera: str, fit: Fit) -> NDArray[np.uint8]:
        """[T, H, W, 3], fitted, of pictures that stand in the data file, such as PNG."""
        frames: list[NDArray[np.uint8]] = []
        for frame, cell in enumerate(self._column(camera).to_pylist()):
            data = cell.get("bytes") if isinstance(cell, dict) else None
            if not isinstance(data, bytes):
                raise self._misfit(camera, "the bytes of a picture", f"{type(data).__name__} at {frame}")
            try:
                frames.append(fit(_picture(data)))
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                raise self._misfit(camera, "a picture in colour", f"{error} at {frame}") from error
            if frames[-1].shape != frames[0].shape:
                got = f"{list(frames[-1].shape)} at {frame}"
                raise self._misfit(camera, f"pictures of {list(frames[0].shape)}", got)
        return np.stack(frames)

    def _column(self, column: str) -> Any:
        if not self.has(column):
            raise self._misfit(column, "such a column", "none")
        return self._table[column]

    def _misfit(self, column: str, expected: str, got: object) -> Exception:
        where = f"column {column} of {self._episode.data.name}, {self._episode.name},"
        return misfit(self._about.root, where, expected, got)


def _picture(data: bytes) -> NDArray[np.uint8]:
    """[H, W, 3]. Raises OSError and ValueError."""
    with Image.open(io.BytesIO(data)) as picture:
        if picture.mode not in _COLOURS:
            raise ValueError(f"a picture of mode {picture.mode}")
        return np.asarray(picture.convert("RGB"), dtype=np.uint8)
