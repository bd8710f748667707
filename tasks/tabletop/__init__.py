"""The tabletop: its world, its instructions, what counts as done, and scripted demonstrations.

Importing this loads no simulator and no learning library: names that need one are
looked up when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from tasks.tabletop.goals.push import succeeded
from tasks.tabletop.language import UnknownInstruction, canonical, parse, phrase
from tasks.tabletop.language.instruction import Instruction

if TYPE_CHECKING:
    from tasks.tabletop.goals import LONG_TASKS, LongTask
    from tasks.tabletop.goals.goal import BoardGoal, understand
    from tasks.tabletop.world.env import ActionError, TabletopEnv

__all__ = [
    "LONG_TASKS",
    "ActionError",
    "BoardGoal",
    "Instruction",
    "LongTask",
    "TabletopEnv",
    "UnknownInstruction",
    "canonical",
    "parse",
    "phrase",
    "succeeded",
    "understand",
]

_LAZY: Final = {
    "ActionError": "tasks.tabletop.world.env",
    "BoardGoal": "tasks.tabletop.goals.goal",
    "LONG_TASKS": "tasks.tabletop.goals",
    "LongTask": "tasks.tabletop.goals",
    "TabletopEnv": "tasks.tabletop.world.env",
    "understand": "tasks.tabletop.goals.goal",
}
"""Name -> the module that has it, for what is too heavy to load with the package."""


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(
            f"expected one of {', '.join(__all__)} or a module of tasks.tabletop, got {name!r}"
        )
    return getattr(import_module(_LAZY[name]), name)
