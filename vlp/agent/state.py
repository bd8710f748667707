"""State of the agent's graph, carried from node to node and kept: numbers, words and digests."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypedDict

from planner import Search

Go = Literal["observe", "search", "approve", "act", "verify", "end"]


class State(TypedDict, total=False):
    """What LangGraph carries from node to node, and keeps."""

    go: Go
    """The node to go to."""
    decision: int
    amends: int
    """The decision that the next search goes on from; 0 for none."""
    shown: int
    """The decision whose plan an operator is shown, or is acted on."""
    answer: dict[str, Any]
    """What an operator said of it."""
    plan: str
    """Digest of the plan that is acted on."""
    step: int
    """Of the plan, from 0."""
    fruitless: int
    unsure: int
    """Searches in a row whose plan was not sure enough."""
    idle: int
    stalled: list[str]
    """Subgoals that came to nothing, one after another, on the scene as it now is."""
    goal_step: int
    """Of a goal that is done step by step, the one that is worked at, from 0."""
    doubts: int
    control_step: int
    began: int
    """The control step at which the plan was begun."""
    events: int
    """Bytes of events.jsonl."""
    events_digest: str
    """Of those, hexadecimal."""
    files: int
    """Files that were written so far, see vlp.durable.filed."""
    journal: int
    """Rows of the journal."""
    journal_digest: str
    """Of their chain, hexadecimal."""
    approved: bool
    """Whether a plan of the run was."""
    outcome: str


class Waiting(NamedTuple):
    """A plan that waits for an operator."""

    decision: int
    found: Search
    digest: str
