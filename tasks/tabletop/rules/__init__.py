"""Standing rules in words, which an operator gives for a whole run: read them, and ask what they forbid."""

from tasks.domain import UnknownRule
from tasks.tabletop.rules.read import read_rule, read_rules
from tasks.tabletop.rules.types import MAX_RULES, BoardRules, KeepClear, NeverMove, Rule, SpeedLimit
from tasks.tabletop.rules.verdict import forbids, impossible

__all__ = [
    "MAX_RULES",
    "BoardRules",
    "KeepClear",
    "NeverMove",
    "Rule",
    "SpeedLimit",
    "UnknownRule",
    "forbids",
    "impossible",
    "read_rule",
    "read_rules",
]
