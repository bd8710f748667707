"""Confidence: how likely a plan's next subgoal ends as imagined, by logistic regression on its search.

Fitted on recorded runs by `python -m vlp.evaluate.tabletop.confidence`, which also measures on other boards
how often plans that it gives p succeed (results/confidence.json).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from planner import Search
from tasks.tabletop.seeing.encoder import PoseProbe
from vlp.models.weights import Hashes, digest

FITTED: Final = Path(__file__).with_name("confidence.json")
FEATURES: Final = (
    "log_probability",
    "gain",
    "spread",
    "steps_to_go",
    "passed",
    "siblings_passed",
    "disagreement",
    "moved",
    "clearance",
)
FAR: Final = 0.2
"""Metres: a block that is alone is taken to be this far from the next."""


def features(found: Search, probe: PoseProbe) -> NDArray[np.float64]:
    """What a search shows of its plan's first step, float64 [FEATURES]: how likely the proposer took it, what
    the value expects of it, how many branches and how many of the same words passed the guards, how
    the value differs among the latter, how far its block is imagined to go and how near to another it ends.
    """
    tree, step = found.tree, found.plan[0]
    node, level = tree.nodes[step.node_id], tree.level(1)
    siblings = [other for other in level if other.subgoal == node.subgoal]
    good = [other.steps_to_go for other in siblings if other.rejected is None]
    moved, clearance = _way(tree.root_frame, step.clip[-1], probe)
    return np.array([
        math.log(max(node.probability, 1e-4)),
        (tree.root_steps_to_go - step.steps_to_go) / 100,
        step.spread / 100,
        step.steps_to_go / 100,
        sum(other.rejected is None for other in level) / len(level),
        len(good) / len(siblings),
        float(np.std(good)) / 100,
        moved,
        clearance,
    ])  # fmt: skip


def _way(start: NDArray[np.uint8], end: NDArray[np.uint8], probe: PoseProbe) -> tuple[float, float]:
    """Decimetres that the block which moves most goes, and from there to the nearest other one."""
    present, where = probe.places(np.stack([start, end]))
    both = np.flatnonzero(present[:, :-1].all(axis=0))
    if not len(both):
        return 0.0, FAR * 10
    ways = np.linalg.norm(where[1, both] - where[0, both], axis=-1)
    block = both[int(ways.argmax())]
    others = [float(np.linalg.norm(where[1, block] - where[1, other])) for other in both if other != block]
    return float(ways.max()) * 10, min([FAR, *others]) * 10


@dataclass(frozen=True)
class FittedConfidence:
    """Probabilities from features."""

    weights: tuple[float, ...]
    """One a feature."""
    bias: float

    def expect(self, found: Search, probe: PoseProbe) -> float:
        """Chance (0..1) that a plan's first subgoal ends as imagined."""
        return float(self.of(features(found, probe)[None])[0])

    @classmethod
    def load(cls, hashes: Hashes, path: Path = FITTED) -> Self | None:
        """The one that was fitted to runs with these weights; None where there is none."""
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["of"] != digest(hashes):
            return None
        return cls(tuple(said["weights"][name] for name in FEATURES), said["bias"])

    def of(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability (0..1) for each of features [N, FEATURES]."""
        return np.asarray(1.0 / (1.0 + np.exp(-(rows @ np.array(self.weights) + self.bias))))
