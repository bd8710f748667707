"""Limits of the guards that know no blocks, as they were calibrated to a model on held-out clips."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np

from planner.guards.inverse import ActionModel, DisagreementGuard, ExplainedGuards, InverseConsistencyGuard
from planner.guards.pixels import FrozenGuard
from planner.protocols import Guard

FILE: Final = "guards.json"
"""Beside the weights that it belongs to."""


@dataclass(frozen=True, kw_only=True)
class GuardLimits:
    """Clips beyond any of them are dropped."""

    level: int
    """Levels (of 255) by which a pixel differs that has changed; min_changed: least share of such pixels."""
    min_changed: float
    inconsistency: float
    """Most that a clip may differ from what its own actions lead to, see `planner.guards.inverse`."""
    disagreement: float
    """Most that predictions of the same actions may differ."""
    value_leap: float | None = None
    """Control steps that a clip may bring the goal nearer, for `search(max_value_gain=...)`; None: any."""
    seeds: tuple[int, ...] = (0, 1)
    """Of the predictions."""

    def guards(self, model: ActionModel) -> tuple[Guard, ...]:
        """For `search(guards=...)`, which looks for itself whether clips are finite."""
        explained = ExplainedGuards(
            [
                InverseConsistencyGuard(model, self.inconsistency, self.seeds),
                DisagreementGuard(model, self.disagreement, self.seeds),
            ]
        )
        return FrozenGuard(level=self.level, min_changed=self.min_changed), explained

    def save(self, folder: Path) -> None:
        """Write them beside the weights in a folder."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError."""
        try:
            given = json.loads((folder / FILE).read_text(encoding="utf-8"))
            found = cls(**{**given, "seeds": tuple(given["seeds"])})
            numbers = [found.min_changed, found.inconsistency, found.disagreement, found.value_leap or 0.0]
            if not all(math.isfinite(number) for number in numbers):
                raise ValueError(f"got {numbers}")
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f"guards: expected limits in {folder / FILE}, got {error}; "
                "make them with python -m vlp.evaluate.latent_guards"
            ) from error
        return found


def limit_of(scores: Sequence[float], rate: float) -> float:
    """The limit that good clips exceed at a rate of at most `rate`, from N scores of good ones: the
    ceil((N + 1)(1 - rate))-th smallest (split conformal prediction, Vovk et al., 2005); the largest where N
    is too small for that. Raises ValueError for none."""
    ordered = np.sort(np.asarray(scores, np.float64))
    if not len(ordered):
        raise ValueError("limits: expected scores of good clips, got none; give more clips")
    rank = math.ceil((len(ordered) + 1) * (1 - rate))
    return float(ordered[min(rank, len(ordered)) - 1])
