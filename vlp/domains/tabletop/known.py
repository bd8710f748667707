"""Known requests: what can be asked for on a table, in words; every refusal carries it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tasks.domain import AmbiguousInstruction
from tasks.tabletop.goals import LONG_TASKS, MoveToArea
from tasks.tabletop.goals.area import area_words
from tasks.tabletop.world.board import words_of

PUSHES: Final = (
    "push the red moon to the blue cube",
    "push the green star to the top left corner",
    "slide the yellow star slightly up",
    "push the blue moon to the left of the green cube",
    "point to the red pentagon",
)
"""A single push of each family, for example."""


ANY_WORDS: Final = "with --vlm, see docs/models.md"
"""Who knows words that nothing here does."""


def long_tasks() -> list[str]:
    """The words of every long task, those of the areas in one."""
    areas = ", ".join(area_words(task.area) for task in LONG_TASKS if isinstance(task, MoveToArea))
    others = [task.instruction for task in LONG_TASKS if not isinstance(task, MoveToArea)]
    return [*others, f"move all blocks to the {{{areas}}}"]


def known(blocks: Iterable[str]) -> str:
    """The long tasks, a single push of each family, and the names of these blocks."""
    names = ", ".join(map(words_of, sorted(blocks)))
    return f"{'; '.join(long_tasks())}; or one push, such as {'; '.join(PUSHES)}; blocks: {names}"


def not_understood(error: Exception, blocks: Iterable[str]) -> str:
    """What is said of an instruction that is not understood, on a table with these blocks; one that has
    several meanings needs only the right one."""
    if isinstance(error, AmbiguousInstruction):
        return f"instruction: {one_line(str(error))}; say which"
    return f"instruction: {one_line(str(error))}; known tasks: {known(blocks)}; any words: {ANY_WORDS}"


def one_line(text: str) -> str:
    """Without line breaks, and with what cannot be encoded escaped."""
    return " ".join(text.split()).encode("utf-8", "backslashreplace").decode("utf-8")
