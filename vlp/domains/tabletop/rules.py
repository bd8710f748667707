"""An operator's standing rules where subgoals are proposed and where clips are imagined.

The third place, every action that is sent, is `executors.tabletop.rule_gate`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from planner import Frames, KeepClearGuard, Proposal, Proposer, StillGuard, Tracker, TrackGuard
from tasks.tabletop.goals.area import area_words
from tasks.tabletop.goals.families import deep_in_area
from tasks.tabletop.language import UnknownInstruction, parse
from tasks.tabletop.rules import BoardRules, forbids

MOST: Final = 64
"""Proposals that are asked for a beam at most, where more are needed since some will be dropped."""
SPARE: Final = 3
"""Times as many as wanted that are asked for."""
NOTES: Final = 256

BlocksOf = Callable[[Frames], Sequence[Mapping[str, Sequence[float]]]]
"""Frames uint8 [N, H, W, 3] to block name -> (x, y) metres, a mapping a frame; PoseProbe.blocks_of is one."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A proposal that was not passed on, and why, in one line."""

    text: str
    reason: str


class RuledProposer:
    """Passes on what another proposer suggests, but for what the rules forbid.

    Asks for more than is wanted, so that what is dropped leaves no gap. What can't be read is dropped too
    where rules speak of blocks: nobody knows what it would move.

    Args:
        proposer: the one whose subgoals are checked.
        rules: the operator's.
        blocks_of: sees where the blocks are in the frames from which a subgoal starts.
    """

    def __init__(self, proposer: Proposer, rules: BoardRules, blocks_of: BlocksOf) -> None:
        self._proposer, self._rules, self._blocks_of = proposer, rules, blocks_of
        self.notes: deque[Dropped] = deque(maxlen=NOTES)
        """The latest proposals that were dropped, oldest first."""

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """Up to `n` distinct lawful subgoals a beam, in the inner proposer's order; see planner.Proposer."""
        if not self._rules.about_blocks:
            return self._proposer.propose(frames, goal, histories, n, seed=seed)
        asked = max(n, min(MOST, SPARE * n))
        rows = self._proposer.propose(frames, goal, histories, asked, seed=seed)
        seen = self._blocks_of(frames)
        return [self._lawful(row, blocks)[:n] for row, blocks in zip(rows, seen, strict=True)]

    def around(self, proposer: Proposer) -> RuledProposer:
        """The same about another proposer; what it drops is noted here too."""
        other = RuledProposer(proposer, self._rules, self._blocks_of)
        other.notes = self.notes
        return other

    def _lawful(self, row: Sequence[Proposal], blocks: Mapping[str, Sequence[float]]) -> list[Proposal]:
        kept = []
        for proposal in row:
            reason = self._against(proposal.text, blocks)
            if reason is None:
                kept.append(proposal)
            else:
                self.notes.append(Dropped(proposal.text, reason))
        return kept

    def _against(self, text: str, blocks: Mapping[str, Sequence[float]]) -> str | None:
        try:
            instruction = parse(text, sorted(blocks))
        except UnknownInstruction:
            try:
                # The pusher may hide a block that the subgoal names in full.
                instruction = parse(text)
            except UnknownInstruction:
                return "it can't be read, so nobody knows what it moves, and rules say what may be"
        places = {name: np.asarray(xy, float) for name, xy in blocks.items()}
        return forbids(self._rules, instruction, places)


def rule_guards(rules: BoardRules, tracker: Tracker) -> list[TrackGuard]:
    """The guards that hold clips to the rules; none where rules limit only the speed, which no clip shows."""
    guards: list[TrackGuard] = []
    if rules.forbidden_blocks:
        guards.append(StillGuard(tracker, blocks=rules.forbidden_blocks))
    for area in rules.areas:
        inside = partial(_inside, area)
        guards.append(KeepClearGuard(tracker, inside=inside, words=f"the {area_words(area)}"))
    return guards


def _inside(area: str, points: np.ndarray) -> np.ndarray:
    return deep_in_area(area, points, 0.0)
