"""Which parts carry out a goal: for programs of relations those that learned to, else the bundled VLM's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from planner import Proposer, Value
from tasks.tabletop.goals.program import ProgramGoal
from vlp.domains.tabletop.arranged_parts import ArrangedProposer, ArrangedValue, Arranger
from vlp.domains.tabletop.rules import RuledProposer
from vlp.vlm.tabletop.programs.model import ProgramNet
from vlp.vlm.tabletop.programs.parts import ProgramModel, ProgramProposer, ProgramValue

NO_CONFIDENCE: Final = "expected a task or a push that confidence was fitted to, got a program; leave it out"
PairOf = Callable[[Any, ProgramGoal], tuple[Proposer, Value]]
"""From the parts as they are and a program to what proposes for it and how far it is."""


def learned(net: ProgramNet) -> PairOf:
    """By a network that learned from programs played without physics."""

    def pair(parts: Any, goal: ProgramGoal) -> tuple[Proposer, Value]:
        model = ProgramModel(net, parts.probe.encoder, goal)
        return ProgramProposer(model), ProgramValue(model)

    return pair


def arranged(parts: Any, goal: ProgramGoal) -> tuple[Proposer, Value]:
    """By the script that it learned from, an upper bound."""
    arranger = Arranger(parts.probe, goal, parts.sight.rules)
    return ArrangedProposer(arranger), ArrangedValue(arranger, 4.0)


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
