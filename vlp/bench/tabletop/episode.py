"""An episode on a board of the simulated tabletop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from executors.tabletop.simulated import SimulatedRobot
from tasks.tabletop.world.layout import Layout
from vlp.agent.parts import Parts
from vlp.bench.episode import Episode
from vlp.bench.methods import Method
from vlp.bench.tabletop.methods import METHODS
from vlp.domains.tabletop import Tabletop


@dataclass(frozen=True)
class TabletopEpisode(Episode):
    """One method in METHODS on one board."""

    layout: Layout | None = None
    """The board, where it is not the seed's."""

    @property
    def approach(self) -> Method:
        """That of its name."""
        return METHODS[self.method]

    def build(self, weights: Path) -> Parts:
        """All parts of a weights folder. Raises WeightsError, see `Tabletop.parts`."""
        return Tabletop().parts(
            weights=weights,
            device=self.settings.device,
            sampling_steps=self.settings.sampling_steps,
            models=None,
        )

    def robot(self, max_steps: int) -> SimulatedRobot:
        """The simulated arm before the board."""
        return SimulatedRobot(self.instruction, seed=self.seed, layout=self.layout, max_steps=max_steps)
