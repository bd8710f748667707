"""Ambiguity: whether a plan is sure enough, and whether branches end in different ways: only then is
it worth asking somebody which.
"""

from __future__ import annotations

import numpy as np

from planner import Search
from tasks.domain import Sight


def not_sure(found: Search, needed: float | None) -> str:
    """Why a plan is not acted on: its expected success is below what is needed; empty where it is not."""
    expected = found.expected_success
    if needed is None or expected is None or expected >= needed:
        return ""
    return f"no plan is sure enough: expected success {expected:.0%}, asked for {needed:.0%}"


def ways(found: Search, sight: Sight) -> tuple[int, ...]:
    """One branch of level one, by its node id, for each way in which those that passed the guards end; the
    plan's own first, then by steps-to-go."""
    first = found.plan[0].node_id
    passed = [node for node in found.tree.level(1) if node.rejected is None]
    passed.sort(key=lambda node: (node.id != first, node.steps_to_go))
    ends = sight.distinct(np.stack([node.last_frame for node in passed]))
    return tuple(passed[end].id for end in ends)
