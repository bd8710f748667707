"""What a world brings to the bench."""

from __future__ import annotations

from typing import Protocol

from vlp.bench.episode import Episode
from vlp.bench.names import Stop
from vlp.settings import Settings


class Suite(Protocol):
    """The episodes of a world; `vlp.bench.worlds` finds it by the world's name."""

    def episode(
        self, method: str, task: str, number: int, *, seed: int, settings: Settings, stop: Stop
    ) -> Episode:
        """Episode `number` of a task, in the words that are its turn.

        seed: of the board and of the search; settings: what methods have in common, to which the method adds
        its own budget.
        """
        ...
