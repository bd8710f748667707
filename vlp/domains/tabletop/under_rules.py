"""Agent under standing rules: its parts and its robot, held to an operator's rules."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from executors.robot import Robot
from executors.tabletop.ruled_robot import RuledRobot
from planner import TrackGuards
from tasks.tabletop.rules import Rules
from vlp.agent.parts import Parts
from vlp.domains.tabletop.build import ProbeTracker
from vlp.domains.tabletop.rules import RuledProposer, rule_guards


def under_rules(parts: Parts, rules: Rules) -> Parts:
    """Parts that propose nothing that the rules forbid and drop clips that break them. Unlike the other
    guards these see every frame."""
    if not rules.about_blocks:
        return parts
    guards = TrackGuards(rule_guards(rules, ProbeTracker(parts.probe)))
    proposer = RuledProposer(parts.proposer, rules, parts.probe.blocks_of)
    return replace(parts, proposer=proposer, guards=(*parts.guards, guards))


def robot_under_rules(robot: Robot, rules: Rules, parts: Parts) -> Robot:
    """A robot that does nothing against the rules, as far as the probe sees."""
    return RuledRobot(robot, rules, parts.probe) if len(rules) else robot


def dropped(parts: Parts) -> dict[str, int]:
    """How often each rule kept a subgoal from being imagined since this was asked last."""
    if not isinstance(parts.proposer, RuledProposer):
        return {}
    counts = Counter(note.reason for note in parts.proposer.notes)
    parts.proposer.notes.clear()
    return dict(counts)
