"""Subtasks: what is to be done at each frame of a LeRobotDataset, in the three ways in which it may stand.

Of our own writer: subgoal_index and meta/subgoals.parquet. LeRobot's: subtask_index and meta/subtasks.parquet
(-1: not said of this frame), and since 0.6 the column language_persistent, whose rows of style "subtask" hold
from their timestamp on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.data.dataset_about import misfit, read_columns
from tasks.data.layout import SUBGOALS_PATH, SUBTASKS_PATH

PERSISTENT: Final = "language_persistent"


@dataclass(frozen=True)
class Subtasks:
    """The numbered texts of a dataset."""

    column: str = "subgoal_index"
    texts: Mapping[int, str] = field(default_factory=dict)
    """Empty where the dataset numbers none."""
    may_lack: bool = False
    """Whether -1 stands for a frame of which nothing is said."""

    @classmethod
    def read(cls, root: Path) -> Self:
        """Raises DatasetError."""
        if (root / SUBGOALS_PATH).is_file():
            return cls("subgoal_index", _texts(root, SUBGOALS_PATH, "subgoal", "subgoal_index"))
        if (root / SUBTASKS_PATH).is_file():
            return cls("subtask_index", _texts(root, SUBTASKS_PATH, "subtask", "subtask_index"), True)
        return cls()

    def spoken(self, rows: Any, times: NDArray[np.float64], task: str) -> tuple[str, ...]:
        """What rows of language_persistent say at times [T]: the newest subtask, the task before the first;
        empty where they hold none."""
        said = [
            (float(row.get("timestamp") or 0.0), str(row["content"]))
            for row in (rows or ())
            if isinstance(row, dict) and row.get("style") == "subtask" and row.get("content")
        ]
        said.sort(key=lambda pair: pair[0])
        starts, texts = [start for start, _ in said], [task, *(text for _, text in said)]
        # Times are float32 in the file: one that is said at a frame's own time begins with that frame.
        at = np.searchsorted(starts, times + 1e-4, side="right")
        return tuple(texts[number] for number in at) if said else ()


def _texts(root: Path, path: str, column: str, index: str) -> dict[int, str]:
    """By number. LeRobot keeps the text as a table's index, whose name may be lost."""
    names = pq.read_schema(root / path).names
    column = column if column in names else next((name for name in names if name != index), column)
    rows = read_columns(root / path, [index, column]).to_pylist()
    for row in rows:
        if not isinstance(row.get(column), str):
            raise misfit(root, path, f"a text in column {column}", repr(row.get(column)))
    return {row.get(index, number): row[column] for number, row in enumerate(rows)}
