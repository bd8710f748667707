"""Planning by tree search over imagined videos: protocols, plan and tree types, beam search, guards."""

from planner.amend import Amendment, Known
from planner.guards.inverse import (
    ActionModel,
    DisagreementGuard,
    ExplainedGuard,
    ExplainedGuards,
    InverseConsistencyGuard,
)
from planner.guards.pixels import FiniteGuard, FrozenGuard
from planner.guards.rules import KeepClearGuard, StillGuard
from planner.guards.tracks import (
    OutOfReachGuard,
    OverlapGuard,
    TeleportGuard,
    TrackGuard,
    TrackGuards,
    UntouchedGuard,
    VanishGuard,
)
from planner.protocols import Guard, Proposer, Tracker, Tracks, Value, VideoModel
from planner.restarts import search_for
from planner.search import search
from planner.types import Frames, Node, NoPlan, Plan, PlanStep, Proposal, Search, StepsToGo, Stopped, Tree
from planner.untried import Untried

__all__ = [
    "ActionModel",
    "Amendment",
    "DisagreementGuard",
    "ExplainedGuard",
    "ExplainedGuards",
    "FiniteGuard",
    "Frames",
    "FrozenGuard",
    "Guard",
    "InverseConsistencyGuard",
    "KeepClearGuard",
    "Known",
    "NoPlan",
    "Node",
    "OutOfReachGuard",
    "OverlapGuard",
    "Plan",
    "PlanStep",
    "Proposal",
    "Proposer",
    "Search",
    "StepsToGo",
    "StillGuard",
    "Stopped",
    "TeleportGuard",
    "TrackGuard",
    "TrackGuards",
    "Tracker",
    "Tracks",
    "Tree",
    "UntouchedGuard",
    "Untried",
    "Value",
    "VanishGuard",
    "VideoModel",
    "search",
    "search_for",
]
