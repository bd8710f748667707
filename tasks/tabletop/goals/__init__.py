"""Long-horizon tasks: several pushes, a reward in 0..1, a scripted demonstrator's next subgoals."""

from tasks.tabletop.goals.area import AREA_TASKS, ClearTheCenter, MoveToArea, SortToCorners
from tasks.tabletop.goals.base import LongTask, Subgoal
from tasks.tabletop.goals.group import GROUP_TASKS, GroupBy
from tasks.tabletop.goals.line import LINE_TASKS, MakeLine

LONG_TASKS: tuple[LongTask, ...] = (*AREA_TASKS, *GROUP_TASKS, *LINE_TASKS)
"""Every task with its words filled in: eight areas, two groupings, two lines, corners, center."""
BY_INSTRUCTION = {task.instruction: task for task in LONG_TASKS}

__all__ = [
    "BY_INSTRUCTION",
    "LONG_TASKS",
    "ClearTheCenter",
    "GroupBy",
    "LongTask",
    "MakeLine",
    "MoveToArea",
    "SortToCorners",
    "Subgoal",
]
