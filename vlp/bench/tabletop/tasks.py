"""The bench's long tasks in words."""

from __future__ import annotations

from tasks.tabletop.goals import MakeLine, MoveToArea
from tasks.tabletop.language.instruction import AREAS, LINES


def instruction(task: str, number: int) -> str:
    """The words for episode `number` of "area", "group" or "line": areas and lines take turns."""
    if task == "area":
        return MoveToArea(AREAS[number % len(AREAS)]).instruction
    if task == "group":
        return "group the blocks by color"
    return MakeLine(LINES[number % len(LINES)]).instruction
