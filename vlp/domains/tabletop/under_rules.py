"""Agent under standing rules: its parts and its robot, held to an operator's rules."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial

from executors.robot import Robot
from executors.tabletop.ruled_robot import RuledRobot
from planner import TrackGuards
from tasks.tabletop.rules import BoardRules
from tasks.tabletop.seeing.encoder import PoseProbe
from vlp.agent.parts import Parts
from vlp.domains.tabletop.build import ProbeTracker, TabletopParts
from vlp.domains.tabletop.rules import RuledProposer, rule_guards
from vlp.domains.tabletop.sight import BoardSight
from vlp.errors import UsageError


def under_rules(parts: Parts, rules: BoardRules) -> Parts:
    """Parts that propose nothing that the rules forbid, drop clips that break them, take no goal against them
    and let a robot do nothing against them, as far as the probe sees. Unlike the other guards these see every
    frame."""
    if not len(rules):
        return parts
    if not isinstance(parts, TabletopParts):
        raise UsageError(
            "rule: expected models that see where blocks are, got learned ones, which see pixels only; "
            "leave the rules out, or choose --models slots"
        )
    sight = BoardSight(parts.probe, parts.sight.most_blocks, parts.sight.closer, rules)
    parts = replace(parts, rules=rules, sight=sight, harness=partial(_robot, parts.probe, rules))
    if not rules.about_blocks:
        return parts
    guards = TrackGuards(rule_guards(rules, ProbeTracker(parts.probe)))
    proposer = RuledProposer(parts.proposer, rules, parts.probe.blocks_of)
    return replace(
        parts, proposer=proposer, guards=(*parts.guards, guards), dropped=partial(_dropped, proposer)
    )


def _robot(probe: PoseProbe, rules: BoardRules, robot: Robot) -> Robot:
    return RuledRobot(robot, rules, probe)


def _dropped(proposer: RuledProposer) -> dict[str, int]:
    counts = Counter(note.reason for note in proposer.notes)
    proposer.notes.clear()
    return dict(counts)
