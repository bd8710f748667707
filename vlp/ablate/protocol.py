"""Protocol of an ablation: what is asked of which board, the same for every variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vlp.ablate.suite import AblationSuite
from vlp.ablate.variants import Ablation, Variant
from vlp.bench.episode import Episode
from vlp.bench.names import Stop, TaskName
from vlp.bench.summary import OURS
from vlp.settings import Settings


@dataclass(frozen=True, kw_only=True)
class AskedAblation:
    """Every variant on every task and seed."""

    suite: AblationSuite
    """The world's."""
    ablation: Ablation
    tasks: Sequence[TaskName]
    episodes: int
    """A task and variant."""
    first_seed: int
    settings: Settings
    stop: Stop = "own"

    def plan(self) -> list[tuple[Variant, Episode]]:
        """The episodes, seed by seed, so that an ablation that is broken off has compared like with like."""
        return [(variant, self._episode(i, task, variant)) for i in range(self.episodes)
                for task in self.tasks for variant in self.ablation.variants]  # fmt: skip

    def _episode(self, number: int, task: TaskName, variant: Variant) -> Episode:
        seed, settings = self.first_seed + number, variant.of(self.settings)
        if self.ablation.imagined:
            return self.suite.imagined_plan(task, number, seed=seed, settings=settings, stop=self.stop)
        return self.suite.episode(OURS, task, number, seed=seed, settings=settings, stop=self.stop)
