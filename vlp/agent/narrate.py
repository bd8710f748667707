"""Narration: what the agent did, as the events that tell it."""

from __future__ import annotations

from executors.follow.follower import Followed
from planner import NoPlan, Search
from tasks.domain import Goal
from vlp.agent.approval import Answer
from vlp.events.types import Answered, Beam, Outcome, Replanned, Searched, Verified


def understood(instruction: str, goal: Goal) -> str:
    """A goal in plain words, and which words were taken for which others; empty where it was said so."""
    if goal.text == instruction and not goal.heard:
        return ""
    return goal.text + (f" ({goal.heard})" if goal.heard else "")


def searched(found: Search | NoPlan, *, time: float, decision: int, seconds: float) -> Searched:
    """The event of a search that took `seconds`, with a plan or without."""
    tree = found.tree
    steps = found.plan.steps if isinstance(found, Search) else ()
    chosen = {step.node_id for step in steps}
    return Searched(
        time=time,
        decision=decision,
        beams=tuple(
            Beam(node=node.id, depth=node.depth, subgoal=node.subgoal,
                 steps_to_go=node.steps_to_go, spread=node.spread, in_plan=node.id in chosen)
            for node in tree.nodes if node.kept
        ),
        clips=len(tree.nodes),
        rejected=tree.rejections(),
        subgoals=tuple(step.subgoal for step in steps),
        steps_to_go=tuple(step.steps_to_go for step in steps),
        root_steps_to_go=tree.root_steps_to_go,
        seconds=seconds,
        expected_success=found.expected_success if isinstance(found, Search) else None,
    )  # fmt: skip


def answered(answer: Answer, *, time: float, decision: int) -> Answered:
    """The event of what an operator said of a decision's plan."""
    return Answered(
        time=time,
        decision=decision,
        say=answer.say,
        rejected={str(node): why for node, why in answer.rejected.items()},
        edited=answer.edited,
        picked=answer.picked,
        reason=answer.reason,
    )


def verified(
    followed: Followed, *, time: float, decision: int, subgoal: str, outcome: Outcome, steps_to_go: float
) -> Verified:
    """The event of a clip that was followed, as it came out."""
    return Verified(
        time=time,
        decision=decision,
        subgoal=subgoal,
        outcome=outcome,
        distance=followed.distance,
        steps_to_go=steps_to_go,
        diverged=followed.diverged,
    )


def replanned(followed: Followed, *, time: float) -> Replanned:
    """The event of looking anew after a clip that did not end as imagined."""
    reason = followed.reason or followed.apart
    since = "" if followed.diverged is None else f" (not as imagined since frame {followed.diverged})"
    return Replanned(time=time, reason=reason + since)
