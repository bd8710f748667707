"""Protocol of a bench: what is asked of which board, the same for every method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tasks.tabletop.goals import MakeLine, MoveToArea
from tasks.tabletop.language.instruction import AREAS, LINES
from vlp.bench.episode import Episode
from vlp.bench.methods import METHODS
from vlp.bench.names import MethodName, Stop, TaskName
from vlp.settings import Settings


def instruction(task: str, number: int) -> str:
    """The words for episode `number` of "area", "group" or "line": areas and lines take turns."""
    if task == "area":
        return MoveToArea(AREAS[number % len(AREAS)]).instruction
    if task == "group":
        return "group the blocks by color"
    return MakeLine(LINES[number % len(LINES)]).instruction


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Every method on every task and seed."""

    tasks: Sequence[TaskName]
    methods: Sequence[MethodName]
    episodes: int
    """A task and method."""
    first_seed: int
    settings: Settings
    stop: Stop = "own"

    def plan(self) -> list[Episode]:
        """The episodes, seed by seed, so that a broken-off bench has compared like with like."""
        return [self._episode(i, task, name) for i in range(self.episodes) for task in self.tasks
                for name in self.methods]  # fmt: skip

    def _episode(self, number: int, task: TaskName, name: MethodName) -> Episode:
        seed = self.first_seed + number
        settings = replace(METHODS[name].settings(self.settings), seed=seed)
        return Episode(name, task, instruction(task, number), seed, settings, stop=self.stop)
