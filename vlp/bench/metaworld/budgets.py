"""Methods, and how often each may plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TRACKS: Final = {
    "165": "165: trained on five expert demonstrations of each task before each camera, with their actions",
    "more": "more: trained on any number of expert, disturbed and play episodes",
}
METHODS: Final = {
    "expert": "the scripted expert, which reads the simulator's state",
    "random": "actions drawn evenly",
    "bc": "behaviour cloning: one picture to the next action",
    "unipi": "UniPi-like: an imagined clip, its actions explained once and sent blindly",
    "act": "the model's own actions from a picture and words, no video",
    "once": "ours, one plan and none after it",
    "single": "ours, one clip a plan (1/1/1)",
    "ours": "ours, the best of several clips",
}
REACTIVE: Final = ("expert", "random", "bc")
"""Methods without plans: no budget changes them."""
BLIND: Final = ("expert", "random")
"""Methods that see no pictures."""
STILL: Final = 0.001
"""Metres that the hand goes in a step at least, else the step is one without progress."""


@dataclass(frozen=True)
class PlanBudget:
    """When an episode's next plan is made."""

    most: int | None = None
    """Plans an episode."""
    patience: int | None = None
    """Steps without progress since the last plan after which the next one comes."""
    every: int | None = None
    """Control steps after which it comes in any case."""


BUDGETS: Final = {
    "limit": "at most 5 replans, each after 15 steps without progress (AVDC's)",
    "free": "a plan every 12 steps",
    "equal": "a plan of N clips every 12 N steps: as many clips as one each 12 steps",
}
EVERY: Final = 12
REPLANS: Final = 5
PATIENCE: Final = 15


def budget(method: str, name: str, clips: int) -> PlanBudget | None:
    """What a budget's name is to a method; None where the two do not go together."""
    if method in REACTIVE:
        return PlanBudget() if name == "limit" else None
    if method == "once":
        return PlanBudget(most=1) if name == "limit" else None
    if name == "equal":
        return PlanBudget(every=EVERY * clips) if method == "ours" else None
    return PlanBudget(every=EVERY) if name == "free" else PlanBudget(most=REPLANS + 1, patience=PATIENCE)


def clips_of(method: str, clips: int) -> int:
    """Clips that a method imagines for a plan."""
    return {"once": clips, "ours": clips, "single": 1, "unipi": 1}.get(method, 0)
