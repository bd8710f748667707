"""The proposer and the value of a program of relations, learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from planner import Frames, Proposal, StepsToGo
from tasks.tabletop.demos.oracle import REACH_HIGH, REACH_LOW
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.goals.relation_numbers import asked
from tasks.tabletop.language import spot_words
from tasks.tabletop.seeing.encoder import Eye
from tasks.tabletop.seeing.slots import CENTER, SCALE
from tasks.tabletop.world.board import KINDS
from vlp.vlm.tabletop import tokens
from vlp.vlm.tabletop.programs.model import NextPush, ProgramNet

LATER: Final = 100.0
"""Control steps that each further step of a program counts for: what it takes shows when it is come to."""
LEAST: Final = 1e-3
"""Chance below which a push is proposed only where there is no other."""
APART: Final = 0.02
"""Metres between two places of one block below which they are one proposal."""


def later(goal: ProgramGoal) -> float:
    """Control steps that the steps after the present one count for."""
    return LATER * (len(goal.program.steps) - 1 - goal.step)


class ProgramModel:
    """What was learned, looking at a goal's present step.

    Args:
        net: the weights.
        eye: from pictures to slots.
        goal: whose relations are to hold.
    """

    def __init__(self, net: ProgramNet, eye: Eye, goal: ProgramGoal) -> None:
        self._net, self._eye, self.goal = net.eval(), eye, goal

    @torch.inference_mode()
    def look(self, frames: Frames) -> NextPush:
        """Of each of `frames` uint8 [N, H, W, 3] the next push and the steps to go."""
        now = asked(self.goal.now)
        said = (now.kind, now.words, now.measures, now.roles)
        rows = (torch.from_numpy(np.repeat(row[None], len(frames), 0)) for row in said)
        given = [torch.from_numpy(self._eye.see(frames)), *rows]
        found: NextPush = self._net(*(tensor.to(self._net.device) for tensor in given))
        return found


class ProgramProposer:
    """Pushes of a block to a place, drawn without replacement (see planner.Proposer)."""

    def __init__(self, model: ProgramModel) -> None:
        self._model = model

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """Up to `n` for each of `frames` uint8 [N, H, W, 3], the likeliest first, drawn by Gumbel top-n (Kool
        et al., "Stochastic Beams and Where to Find Them", 2019)."""
        found, rng = self._model.look(frames), np.random.default_rng(seed)
        # On an imagined board without any block there is nothing to push, and no softmax.
        chance = found.block[:, :-1].softmax(-1).nan_to_num()[..., None] * found.weight.softmax(-1)
        return [
            _drawn(chance[k].double().cpu().numpy(), found.spot[k].float().cpu().numpy(), n, rng)
            for k in range(len(frames))
        ]


def _drawn(
    chance: NDArray[np.float64],
    spots: NDArray[np.float32],
    n: int,
    rng: np.random.Generator,
) -> list[Proposal]:
    """Of blocks' modes [16, M] and their middles [16, M, 2]; places of one block that are near each other are
    one."""
    keys = np.log(np.maximum(chance, 1e-300)) + rng.gumbel(size=chance.shape)
    chosen: list[tuple[int, NDArray[np.float64], float]] = []
    for flat in np.argsort(-keys, axis=None):
        block, mode = divmod(int(flat), chance.shape[1])
        if len(chosen) == n:
            break
        if chance[block, mode] <= 0 or (chance[block, mode] < LEAST and chosen):
            continue
        xy = np.clip(spots[block, mode] * SCALE + CENTER, REACH_LOW, REACH_HIGH).astype(np.float64)
        if all(block != other or np.hypot(*(xy - there)) > APART for other, there, _ in chosen):
            chosen.append((block, xy, float(chance[block, mode])))
    chosen.sort(key=lambda one: -one[2])
    return [Proposal(spot_words(KINDS[block], xy), min(1.0, share)) for block, xy, share in chosen]


class ProgramValue:
    """Steps-to-go of a program as learned (see planner.Value)."""

    def __init__(self, model: ProgramModel) -> None:
        self._model = model

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """Control steps left from each of `frames` uint8 [N, H, W, 3]."""
        chance = self._model.look(frames).bins.float().softmax(-1).cpu()
        centers = tokens.bin_centers()
        mean = chance @ centers
        spread = (chance @ centers**2 - mean**2).clamp_min(0).sqrt()
        return StepsToGo(
            (mean + later(self._model.goal)).numpy().astype(np.float32), spread.numpy().astype(np.float32)
        )
