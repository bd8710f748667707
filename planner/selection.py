"""Beam selection: which branches of a level become its beams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from planner.branches import Branch, OpenBeam
from planner.types import Frames, Node

Look = Callable[[Sequence[Branch], Frames], Sequence[str | None]]
"""From branches and their clips [N, T, H, W, 3] to the reasons to drop them."""


def select(
    finished: Sequence[OpenBeam],
    branches: Sequence[Branch],
    level: Sequence[Node],
    beams: int,
    allowed: Callable[..., bool] | None,
    look: Look,
) -> tuple[list[OpenBeam], list[Node]]:
    """The best over all beams, and the level's nodes with what was found of those looked at closely: all that
    are kept, and those that would have been but for what was found. What an earlier tree has is not looked at
    again: it was, or an operator picked it."""
    nodes = list(level)
    passed = {node.id for node, branch in zip(nodes, branches, strict=True) if branch.known is not None}
    while True:
        best = _best(finished, branches, nodes, beams, allowed)
        kept = {beam.node_id for beam in best}
        unsure = [i for i, node in enumerate(nodes) if node.id in kept - passed and node.clip is not None]
        if not unsure:
            return best, nodes
        clips = np.stack([clip for i in unsure if (clip := nodes[i].clip) is not None])
        for i, reason in zip(unsure, look([branches[i] for i in unsure], clips), strict=True):
            nodes[i] = replace(nodes[i], rejected=reason)
            passed.add(nodes[i].id)


def _best(
    finished: Sequence[OpenBeam],
    branches: Sequence[Branch],
    level: Sequence[Node],
    beams: int,
    allowed: Callable[..., bool] | None,
) -> list[OpenBeam]:
    """The sort is stable and ids ascend, so that the lower id wins a tie."""
    fresh = [
        OpenBeam(
            node.id,
            node.last_frame,
            node.steps_to_go,
            (*branch.beam.history, node.subgoal),
            was=None if branch.known is None else branch.known.id,
            new=branch.known is None,
        )
        for node, branch in zip(level, branches, strict=True)
        if node.rejected is None
    ]
    if allowed is not None:
        fresh = [beam for beam in fresh if allowed(was=beam.was, new=beam.new)]
    return sorted([*finished, *fresh], key=lambda beam: beam.steps_to_go)[:beams]
