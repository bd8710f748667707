"""Ambiguity: whether a plan is sure enough, and whether branches end in different ways: only then is
it worth asking somebody which.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from planner import Search
from tasks.tabletop.seeing.encoder import PoseProbe

ALIKE: Final = 0.04
"""Metres within which every block has to end for two branches to end alike; a block's width."""


def not_sure(found: Search, needed: float | None) -> str:
    """Why a plan is not acted on: its expected success is below what is needed; empty where it is not."""
    expected = found.expected_success
    if needed is None or expected is None or expected >= needed:
        return ""
    return f"no plan is sure enough: expected success {expected:.0%}, asked for {needed:.0%}"


def ways(found: Search, probe: PoseProbe) -> tuple[int, ...]:
    """One branch of level one, by its node id, for each way in which those that passed the guards end; the
    plan's own first, then by steps-to-go."""
    first = found.plan[0].node_id
    passed = [node for node in found.tree.level(1) if node.rejected is None]
    passed.sort(key=lambda node: (node.id != first, node.steps_to_go))
    present, where = probe.places(np.stack([node.last_frame for node in passed]))
    distinct: list[int] = []
    for i in range(len(passed)):
        far = [np.linalg.norm(where[i] - where[j], axis=-1)[:-1] for j in distinct]
        both = [(present[i] & present[j])[:-1] for j in distinct]
        if all((gap[seen] > ALIKE).any() for gap, seen in zip(far, both, strict=True)):
            distinct.append(i)
    return tuple(passed[i].id for i in distinct)
