"""An upper bound on the proposer: the scripted demonstrator's subgoals, on the places that the probe sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from planner import Frames, Proposal
from tasks.tabletop.goals import LongTask
from tasks.tabletop.goals.goal import long_task
from tasks.tabletop.language import canonical
from tasks.tabletop.seeing.encoder import PoseProbe
from vlp.domains.tabletop.sight import SURE

Blocks = Mapping[str, NDArray[np.float64]]
TEMPERATURE = 0.04
"""Of the softmin over costs, metres: the one with which demonstrations are drawn."""
NUDGES = 8
"""Boards a little off the one seen, looked at when nothing seems left to do."""


class DemonstratorProposer:
    """A bound, never a default: its subgoals come from a script that was written for each long task.

    Args:
        probe: tells where the blocks are.
    """

    def __init__(self, probe: PoseProbe) -> None:
        self._probe = probe

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """Up to `n` distinct subgoals for each of `frames` uint8 [N, H, W, 3], drawn without replacement by
        the softmin of their costs, the likeliest first.

        Raises ValueError for a goal that is no long task: the script knows no way there.
        """
        task = long_task(goal)
        if task is None:
            raise ValueError(f"goal: expected a long task, got {goal!r:.80}; this bound knows no other")
        rng = np.random.default_rng(seed)
        seen = self._probe.blocks_of(frames)
        boards = [{name: np.array(xy) for name, xy in blocks.items()} for blocks in seen]
        return [_draw(_chances(task, blocks, rng), n, rng) for blocks in boards]


def _chances(task: LongTask, blocks: Blocks, rng: np.random.Generator) -> dict[str, float]:
    """Subgoal text -> probability, for all that the script would do next.

    What is only just done may not be done for sure (see `sight`): where nothing is left to do, boards
    are looked at on which each block stands a little elsewhere.
    """
    subgoals = task.subgoals(blocks)
    for _ in range(0 if subgoals else NUDGES):
        nudged = {name: xy + SURE * rng.choice([-1.0, 1.0], 2) for name, xy in blocks.items()}
        subgoals += task.subgoals(nudged)
    least = min((subgoal.cost for subgoal in subgoals), default=0.0)
    weights: dict[str, float] = {}
    for subgoal in subgoals:
        text, weight = canonical(subgoal.instruction), np.exp((least - subgoal.cost) / TEMPERATURE)
        weights[text] = weights.get(text, 0.0) + float(weight)
    return {text: weight / sum(weights.values()) for text, weight in weights.items()}


def _draw(chances: Mapping[str, float], n: int, rng: np.random.Generator) -> list[Proposal]:
    """Gumbel top-n (Kool et al., "Stochastic Beams and Where to Find Them", 2019, section 2.3)."""
    texts = list(chances)
    scores = np.log([max(chances[text], 1e-300) for text in texts]) + rng.gumbel(size=len(texts))
    drawn = [texts[i] for i in np.argsort(-scores)[:n]]
    return [Proposal(text, chances[text]) for text in sorted(drawn, key=lambda text: (-chances[text], text))]
