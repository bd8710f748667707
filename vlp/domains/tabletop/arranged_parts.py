"""Programs of relations by the script that was written for them: subgoals and steps-to-go from an arrangement
of the blocks that are seen, at which all relations hold. What is learned from it is compared to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import numpy as np

from planner import Frames, Proposal, StepsToGo
from tasks.tabletop.demos.arranged import Arranged, Arranging, Places
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.language.subgoals import mentioned
from tasks.tabletop.rules import BoardRules
from tasks.tabletop.seeing.encoder import PoseProbe
from vlp.domains.tabletop.sight import expected_reward

NOT_FOUND: Final = 500.0
"""Control steps to go where no arrangement is found."""
STAYED: Final = 0.008
"""Metres below which a block has not been moved by what was tried."""


class SeesBlocks(Protocol):
    """Tells where blocks are in pictures; `PoseProbe` is one."""

    def blocks_of(self, frames: Frames) -> Sequence[Mapping[str, tuple[float, float]]]:
        """Frames uint8 [N, H, W, 3] to block name -> (x, y) metres, a mapping a frame."""
        ...


class Arranger:
    """Arranges the boards that are seen for a goal's present step.

    Args:
        probe: sees where the blocks are.
        goal: whose relations are to hold.
        rules: what may not be moved, and where nothing may go.
    """

    def __init__(self, probe: SeesBlocks, goal: ProgramGoal, rules: BoardRules) -> None:
        self._probe, self.goal = probe, goal
        self._arranging = Arranging(rules.forbidden_blocks, rules.areas)

    def of(self, frames: Frames, *, real: bool = False) -> list[Arranged | None]:
        """For each frame uint8 [N, H, W, 3] its arrangement, None where none was found. `real`: the first is
        no imagined one, and later ones keep to its arrangement."""
        found = self._probe.blocks_of(frames)
        boards = ({name: np.array(xy, float) for name, xy in seen.items()} for seen in found)
        return [self._arranging.of(self.goal.now, blocks, real=real) for blocks in boards]

    def steps(self, frames: Frames) -> list[float]:
        """Control steps to go from each frame, about, whether its step is done or not."""
        return [NOT_FOUND if found is None else found.steps for found in self.of(frames)]


class ArrangedProposer:
    """Proposes pushes to the places of an arrangement. Where a block was to be pushed and has not moved
    since, it is told otherwise the next time."""

    def __init__(self, arranger: Arranger) -> None:
        self._arranger = arranger
        self._before: Places = {}
        self._tried: dict[str, int] = {}

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """See planner.Proposer."""
        real = len(frames) == 1 and not histories[0]
        found = self._arranger.of(frames, real=real)
        if real and found[0] is not None:
            self._note(found[0])
        return [self._row(arranged, n) for arranged in found]

    def _note(self, arranged: Arranged) -> None:
        """How often each block was to be pushed from where it stands."""
        for name, here in arranged.blocks.items():
            stayed = name in self._before and float(np.hypot(*(here - self._before[name]))) < STAYED
            self._tried[name] = self._tried.get(name, -1) + 1 if stayed and name in arranged.off else 0
        self._before = dict(arranged.blocks)

    def _row(self, arranged: Arranged | None, n: int) -> list[Proposal]:
        if arranged is None:
            return []
        rows = [self._turned(row) for row in arranged.pushes()]
        most = max(map(len, rows), default=0)
        texts = [row[k] for k in range(most) for row in rows if k < len(row)]
        chosen = list(dict.fromkeys(texts))[:n]
        return [Proposal(text, 1.0 / len(chosen)) for text in chosen]

    def _turned(self, row: list[str]) -> list[str]:
        """Ways to say one block's push, beginning after those that did not move it."""
        first = max(0, self._tried.get(mentioned(row[0])[0], 0)) // 2 % len(row)
        return row[first:] + row[:first]


class ArrangedValue:
    """Steps-to-go from how far blocks are from an arrangement's places; 0 where the goal is seen reached."""

    def __init__(self, arranger: Arranger, probe: PoseProbe, done_below: float) -> None:
        self._arranger, self._probe, self._done_below = arranger, probe, done_below

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """See planner.Value."""
        own = self._arranger.goal
        seen = zip(*self._probe.places(frames), strict=True)
        done = [expected_reward(own, here, where, where[-1]) >= 1.0 for here, where in seen]
        later = len(own.program.steps) - 1 - own.step
        steps = [
            0.0 if over else self._done_below + 1.0 + 100.0 * later + left
            for over, left in zip(done, self._arranger.steps(frames), strict=True)
        ]
        mean = np.array(steps, np.float32)
        return StepsToGo(mean, (0.25 * mean).astype(np.float32))
