"""What ablations measure on the tabletop."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from vlp.ablate.tabletop.imagined import METHOD, ImaginedPlan
from vlp.bench.names import Stop
from vlp.bench.tabletop.suite import TabletopSuite
from vlp.bench.tabletop.tasks import instruction
from vlp.settings import Settings


class TabletopAblationSuite(TabletopSuite):
    """A `vlp.ablate.suite.AblationSuite`: the bench's episodes, and plans that are imagined only."""

    def imagined_plan(
        self, task: str, number: int, *, seed: int, settings: Settings, stop: Stop
    ) -> ImaginedPlan:
        """See AblationSuite; the board is the seed's."""
        words = instruction(task, number)
        return ImaginedPlan(METHOD, task, words, seed, replace(settings, seed=seed), stop)


SUITE: Final = TabletopAblationSuite()
