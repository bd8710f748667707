"""Which parts carry out a goal: for programs of relations those that learned to, else the bundled VLM's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from planner import Frames, Proposal, Proposer, StepsToGo, Value
from tasks.tabletop.goals.program import Program, ProgramGoal, long_of
from vlp.domains.tabletop.arranged_parts import ArrangedProposer, ArrangedValue, Arranger
from vlp.domains.tabletop.rules import RuledProposer
from vlp.vlm.tabletop.bundled import BundledVLM
from vlp.vlm.tabletop.programs.model import ProgramNet
from vlp.vlm.tabletop.programs.parts import ProgramModel, ProgramProposer, ProgramValue, later

NO_CONFIDENCE: Final = "expected a task or a push that confidence was fitted to, got a program; leave it out"
PairOf = Callable[[Any, ProgramGoal], tuple[Proposer, Value]]
"""From the parts as they are and a program to what proposes for it and how far it is."""


def learned(net: ProgramNet, vlm: BundledVLM) -> PairOf:
    """By a network that learned from programs played without physics, and for steps that are one long task by
    the bundled VLM, also where another one is asked for the rest."""

    def pair(parts: Any, goal: ProgramGoal) -> tuple[Proposer, Value]:
        model = ProgramModel(net, parts.probe.encoder, goal)
        own = StepProposer(vlm, ProgramProposer(model), goal)
        return own, StepValue(vlm, ProgramValue(model), goal)

    return pair


def long_step(goal: ProgramGoal) -> str | None:
    """The long task that a program's present step is as a whole, in words, or None."""
    task = long_of(Program((goal.now,)), goal.names)
    return None if task is None else task.instruction


@dataclass(frozen=True)
class StepProposer:
    """Steps that are one long task are proposed for by the VLM, which learned those; others by `own`."""

    vlm: Proposer
    own: Proposer
    goal: ProgramGoal

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """See planner.Proposer."""
        task = long_step(self.goal)
        asked, words = (self.own, goal) if task is None else (self.vlm, task)
        return asked.propose(frames, words, histories, n, seed=seed)


@dataclass(frozen=True)
class StepValue:
    """The same for steps-to-go."""

    vlm: Value
    own: Value
    goal: ProgramGoal

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """See planner.Value."""
        task = long_step(self.goal)
        if task is None:
            return self.own.steps_to_go(frames, goal)
        found = self.vlm.steps_to_go(frames, task)
        return StepsToGo(found.mean + np.float32(later(self.goal)), found.spread)


def arranged(parts: Any, goal: ProgramGoal) -> tuple[Proposer, Value]:
    """By the script that it learned from, an upper bound."""
    arranger = Arranger(parts.probe, goal, parts.sight.rules)
    return ArrangedProposer(arranger), ArrangedValue(arranger, parts.probe, 4.0)


def toward(pair: PairOf) -> Callable[[Any, Any], Any]:
    """What gives the parts for a goal: others than the bundled VLM's where it is a program."""

    def chosen(parts: Any, goal: Any) -> Any:
        if not isinstance(goal, ProgramGoal):
            return parts
        proposer, value = pair(parts, goal)
        own: Any = proposer
        if parts.sight.rules.about_blocks and isinstance(parts.proposer, RuledProposer):
            own = parts.proposer.around(proposer)
        return replace(
            parts, proposer=own, value=value, success=None, confidence=None, no_confidence=NO_CONFIDENCE,
            max_value_gain=None,
        )  # fmt: skip

    return chosen
