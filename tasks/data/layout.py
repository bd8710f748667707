"""Layout of a LeRobotDataset of any maker: where its parts lie, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

VERSION: Final = "v3.0"
"""That is written."""
PER_EPISODE: Final = ("v2.0", "v2.1")
"""Versions with a data file and a video for each episode, and metadata in lines of JSON."""
READABLE: Final = (VERSION, *PER_EPISODE)


SUBGOALS_PATH: Final = "meta/subgoals.parquet"
"""Of our own writer: the texts of column subgoal_index."""
SUBTASKS_PATH: Final = "meta/subtasks.parquet"
"""LeRobot's: the texts of column subtask_index."""
EPISODES_LINES: Final = "meta/episodes.jsonl"
"""Of versions 2."""


INFO_PATH: Final = "meta/info.json"
STATS_PATH: Final = "meta/stats.json"
ACTIONS: Final = ("action", "actions")
"""Names of the column of actions, LeRobot's first; others' converters write the second."""
_POINTER: Final = b"version https://git-lfs"


class DatasetError(Exception):
    """A dataset cannot be written or read: says what was expected, what was got, what to do."""


def why_not(path: Path, error: object) -> str:
    """What is wrong with a file that can't be read; a pointer of Git LFS stands for what was not fetched."""
    try:
        with path.open("rb") as file:
            if file.read(len(_POINTER)) == _POINTER:
                return "a pointer of Git LFS without what it points to; git lfs pull brings it"
    except OSError as other:
        return other.strerror or str(other)
    return str(error)


def one_task(tasks: object, where: str) -> str:
    """An episode's task, from a list of one text or the text alone. Raises DatasetError."""
    task = tasks[0] if isinstance(tasks, list) and len(tasks) == 1 else tasks
    if not isinstance(task, str) or not task.strip():
        raise DatasetError(f"expected a task in words in {where} got {task!r}; mend the dataset")
    return task
