"""What a world brings to an ablation."""

from __future__ import annotations

from typing import Protocol

from vlp.bench.episode import Episode
from vlp.bench.names import Stop
from vlp.bench.suite import Suite
from vlp.settings import Settings


class AblationSuite(Suite, Protocol):
    """Its episodes, acted or imagined; `vlp.bench.worlds` finds it by the world's name."""

    def imagined_plan(self, task: str, number: int, *, seed: int, settings: Settings, stop: Stop) -> Episode:
        """Episode `number` of a task, of which a plan is made and judged, and none of it acted."""
        ...
