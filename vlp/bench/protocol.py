"""Protocol of a bench: what is asked of which board, the same for every method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vlp.bench.episode import Episode
from vlp.bench.names import MethodName, Stop, TaskName
from vlp.bench.suite import Suite
from vlp.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Every method on every task and seed."""

    suite: Suite
    """The world's."""
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
        return self.suite.episode(name, task, number, seed=seed, settings=self.settings, stop=self.stop)
