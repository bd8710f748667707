"""Branches of one level of a search: what is to be imagined, what an earlier tree has, and the nodes they
become.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.amend import Known
from planner.protocols import Proposer
from planner.types import Frames, Node, StepsToGo


@dataclass(frozen=True, slots=True, eq=False)
class OpenBeam:
    """A plan in the making. Its frame travels with it: the next clips start where its last one ended."""

    node_id: int | None  # None: the root
    frame: Frames  # [H, W, 3]
    steps_to_go: float  # control steps
    history: tuple[str, ...]  # subgoals so far
    was: int | None = None  # the node of an earlier tree that it is
    new: bool = False  # whether no earlier tree has it


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """A clip to be imagined."""

    beam: OpenBeam
    subgoal: str
    probability: float
    seed: int
    known: Node | None = None  # what an earlier tree has of it


def expand(
    proposer: Proposer,
    front: Sequence[OpenBeam],
    goal: str,
    texts: int,
    videos: int,
    depth: int,
    seed: int,
    known: Known | None,
) -> list[Branch]:
    """What an earlier tree has of these beams, what an operator says of them, and for beams that it has
    nothing of what the proposer does."""
    branches: list[Branch] = []
    unknown: list[OpenBeam] = []
    for b, beam in enumerate(front):
        children, edit = (
            ((), None) if known is None or beam.new else (known.children(beam.was), known.edit(beam.was))
        )
        branches += [Branch(beam, node.subgoal, node.probability, node.seed, node) for node in children]
        if edit is not None:
            branches += [Branch(beam, edit, 1.0, _seed(seed, depth, b, texts, v)) for v in range(videos)]
        elif not children:
            unknown.append(beam)
    return branches + (_propose(proposer, unknown, goal, texts, videos, depth, seed) if unknown else [])


def _propose(
    proposer: Proposer, front: Sequence[OpenBeam], goal: str, texts: int, videos: int, depth: int, seed: int
) -> list[Branch]:
    frames, histories = np.stack([beam.frame for beam in front]), [beam.history for beam in front]
    proposals = proposer.propose(frames, goal, histories, texts, seed=_seed(seed, depth))
    assert len(proposals) == len(front), (
        f"propose: expected a list a beam, {len(front)}, got {len(proposals)}"
    )
    for found in proposals:
        distinct = len({proposal.text for proposal in found})
        assert distinct == len(found) <= texts, (
            f"propose: expected up to {texts} distinct subgoals a beam, got {[p.text for p in found]}"
        )
    return [
        Branch(beam, proposal.text, proposal.probability, _seed(seed, depth, b, s, v))
        for b, (beam, found) in enumerate(zip(front, proposals, strict=True))
        for s, proposal in enumerate(found)
        for v in range(videos)
    ]


def grow(
    branches: Sequence[Branch],
    clips: Frames,
    scores: StepsToGo,
    reasons: Sequence[str | None],
    *,
    depth: int,
) -> list[Node]:
    """Nodes without their ids."""
    return [
        Node(id=0, parent=branch.beam.node_id, depth=depth, subgoal=branch.subgoal,
             probability=branch.probability, seed=branch.seed, clip=clips[i], last_frame=clips[i, -1],
             steps_to_go=float(scores.mean[i]), spread=float(scores.spread[i]),
             kept=False, rejected=reasons[i])
        for i, branch in enumerate(branches)
    ]  # fmt: skip


def numbered(branches: Sequence[Branch], grown: Sequence[Node], *, first_id: int) -> list[Node]:
    """The nodes of a level, those of an earlier tree and those that have grown now, with their ids."""
    new = iter(grown)
    nodes = [branch.known or next(new) for branch in branches]
    return [
        replace(node, id=first_id + i, parent=branch.beam.node_id, kept=False)
        for i, (node, branch) in enumerate(zip(nodes, branches, strict=True))
    ]


def _seed(*parts: int) -> int:
    """32 bits that depend on every part: seed, depth, beam, subgoal, branch."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
