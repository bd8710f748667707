"""Layout of a LeRobotDataset v3.0 of any maker: where its parts lie, and what is wrong with one."""

from __future__ import annotations

from typing import Final

VERSION: Final = "v3.0"


SUBGOALS_PATH: Final = "meta/subgoals.parquet"


INFO_PATH: Final = "meta/info.json"


class DatasetError(Exception):
    """A dataset cannot be written or read: says what was expected, what was got, what to do."""


def one_task(tasks: object, where: str) -> str:
    """An episode's task, from a list of one text or the text alone. Raises DatasetError."""
    task = tasks[0] if isinstance(tasks, list) and len(tasks) == 1 else tasks
    if not isinstance(task, str) or not task.strip():
        raise DatasetError(f"expected a task in words in {where} got {task!r}; mend the dataset")
    return task
