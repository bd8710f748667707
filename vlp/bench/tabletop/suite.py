"""The long tasks of the tabletop and the methods that are measured on them, as the bench asks for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from vlp.bench.names import Stop
from vlp.bench.tabletop.episode import TabletopEpisode
from vlp.bench.tabletop.methods import METHODS
from vlp.bench.tabletop.tasks import instruction
from vlp.settings import Settings


class TabletopSuite:
    """A `vlp.bench.suite.Suite`: the tasks "area", "group" and "line" by the methods in METHODS."""

    def episode(
        self, method: str, task: str, number: int, *, seed: int, settings: Settings, stop: Stop
    ) -> TabletopEpisode:
        """See Suite; the board is the seed's."""
        own = replace(METHODS[method].settings(settings), seed=seed)
        return TabletopEpisode(method, task, instruction(task, number), seed, own, stop)


SUITE: Final = TabletopSuite()
