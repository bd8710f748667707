"""A plan on disk: what it shows, who approved it, and why it was chosen over another branch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

import numpy as np

from planner import Frames, Node, Plan, Tree
from vlp.errors import StateError, UsageError
from vlp.record.decision import load_decision
from vlp.record.digest import plan_digest
from vlp.record.filmstrip import sheet, strip
from vlp.record.plan_film import film

LEVEL = 24
"""Of 255, by which a pixel has to differ to count as changed."""
CHANGED: Final = 0.02
"""Share of pixels that may differ between two pictures of one board; noise of a real camera, no block."""

Replan = Literal["ask", "auto"]
"""What of the plans that follow from an approved one: wait for an operator again, or act on them too."""


@dataclass(frozen=True)
class Approval:
    """That someone lets one plan be acted on."""

    digest: str
    """Of the plan."""
    by: str
    """Who."""
    replan: Replan = "ask"


@dataclass(frozen=True, eq=False)
class SavedPlan:
    """A plan in its run folder: tree, clips, scores, seeds, and what they were made with (result.json)."""

    path: Path
    """The run folder."""
    decision: int
    digest: str
    plan: Plan
    tree: Tree
    expected_success: float | None = None
    """Chance (0..1) that its first subgoal ends as imagined; None where it is not known."""

    @classmethod
    def load(cls, path: Path, decision: int, digest: str) -> Self:
        """Read it back. Raises StateError where it is not there, or not the plan of this digest."""
        try:
            kept = load_decision(path / "decisions" / f"{decision:02d}")
        except ValueError as error:
            raise StateError(f"state: {error}") from error
        if kept.plan is None or plan_digest(decision, kept.plan) != digest:
            raise StateError(
                f"state: expected the plan {digest[:12]} in decision {decision} of {path}, got another; "
                "plan anew"
            )
        return cls(path, decision, digest, kept.plan, kept.tree, kept.expected_success)

    @property
    def subgoals(self) -> tuple[str, ...]:
        """What is to be done, in words."""
        return self.plan.subgoals

    @property
    def understood(self) -> str:
        """The instruction as it was understood, in plain words."""
        return self.tree.goal

    @property
    def steps_to_go(self) -> float:
        """Control steps that are left after it."""
        return self.plan.steps_to_go

    @property
    def frame(self) -> Frames:
        """What it begins with, uint8 [H, W, 3]."""
        return self.tree.root_frame

    @property
    def contact_sheet(self) -> Frames:
        """Its clips below each other, each from its start, uint8 [H, W, 3]."""
        starts = [self.frame, *(step.clip[-1] for step in self.plan)]
        return sheet(
            [
                strip(np.concatenate([first[None], step.clip]), gap=2)
                for first, step in zip(starts, self.plan, strict=False)
            ],
            gap=2,
        )

    def video(self) -> bytes:
        """Its clips one after the other, as an MP4 file, as fast as they would be acted on."""
        return film([self.frame[None], *(step.clip for step in self.plan)])

    def approved(self, *, by: str, replan: Replan = "ask") -> Approval:
        """An approval of this plan. Raises UsageError without a name."""
        if not by.strip():
            raise UsageError(f"by: expected who approves, got {by!r}; give a name")
        return Approval(self.digest, by, replan)


@dataclass(frozen=True, eq=False)
class Why:
    """A plan beside another branch."""

    words: str
    picture: Frames
    """Clips of both, the plan's first, level by level, uint8 [H, W, 3]."""
    steps_to_go: tuple[float, float]
    """Control steps left after the plan and after the other branch, both after as many pushes as both have.
    Of a branch that goes on from the plan's end: at its own end."""
    rejected: str | None
    """Why the other branch may not be acted on."""


def why(plan: SavedPlan, other: int) -> Why:
    """Why a plan was chosen and not the branch of node `other`, or that it is part of the plan. Raises
    UsageError where there is none."""
    if not 0 <= other < len(plan.tree.nodes):
        raise UsageError(
            f"branch: expected 0 to {len(plan.tree.nodes) - 1}, got {other}; choose one of the tree"
        )
    path, chosen = plan.tree.path(other), [step.node_id for step in plan.plan]
    rejected = next((node.rejected for node in path if node.rejected), None)
    level = min(len(path), len(plan.plan))
    ours, theirs = plan.plan[level - 1].steps_to_go, path[level - 1].steps_to_go
    if other in chosen:
        words = _part(plan, level)
    elif rejected is not None:
        words = (
            f"{_leaves('the plan', plan.subgoals[:level], ours)}; "
            f"the other ({_of(path)}) was rejected: {rejected}"
        )
    elif [node.id for node in path[:level]] == chosen:
        theirs = path[-1].steps_to_go
        words = (
            f"{_leaves('the plan', plan.subgoals, ours)}; "
            f"the other goes on from its end ({_of(path[level:])}) and leaves {_steps(theirs)}"
        )
    else:
        both = _leaves("the plan", plan.subgoals[:level], ours)
        words = f"{both}; {_leaves('the other', tuple(node.subgoal for node in path[:level]), theirs)}"
        words += _further(plan, path, level)
    rows = [strip(step.clip, gap=2) for step in plan.plan] + [strip(_clip(node), gap=2) for node in path]
    return Why(words, sheet(rows, gap=2), (ours, theirs), rejected)


def _part(plan: SavedPlan, level: int) -> str:
    """Of a branch that the plan goes through."""
    step, count = plan.plan[level - 1], len(plan.plan)
    on = (
        ""
        if level == count
        else f"; the plan goes on ({_words(plan.subgoals[level:])}) to {_steps(plan.steps_to_go)}"
    )
    where = f"its push {level} of {count}, which leaves {_steps(step.steps_to_go)}"
    return f"the branch ({step.subgoal}) is part of the plan: {where}{on}"


def _further(plan: SavedPlan, path: tuple[Node, ...], level: int) -> str:
    """What became of the plan and of another branch after the pushes that both have."""
    count = len(plan.plan)
    if len(path) > count:
        return f", and {_steps(path[-1].steps_to_go)} after {_pushes(len(path))}"
    if level == count:
        return ""
    ends = [
        node.steps_to_go
        for node in plan.tree.level(count)
        if node.rejected is None and path[-1] in plan.tree.path(node.id) and np.isfinite(node.steps_to_go)
    ]
    if ends:
        found = f"what goes on from the other {_steps(min(ends))} at best"
    elif plan.tree.children(path[-1].id):
        found = "nothing that goes on from the other passed"
    else:
        found = "the other was not followed further"
    return f"; after {_pushes(count)} the plan leaves {_steps(plan.steps_to_go)}, and {found}"


def _leaves(who: str, subgoals: tuple[str, ...], steps: float) -> str:
    return f"after {_pushes(len(subgoals))} {who} ({_words(subgoals)}) leaves {_steps(steps)}"


def _of(path: tuple[Node, ...]) -> str:
    return _words(tuple(node.subgoal for node in path))


def _pushes(count: int) -> str:
    return "1 push" if count == 1 else f"{count} pushes"


def _steps(steps: float) -> str:
    return f"{steps:.0f} control steps" if np.isfinite(steps) else "no known number of control steps"


def changed(before: Frames, now: Frames) -> float:
    """Share (0..1) of pixels uint8 [H, W, 3] that differ."""
    if before.shape != now.shape:
        return 1.0
    return float((np.abs(before.astype(int) - now).max(axis=-1) > LEVEL).mean())


def _words(subgoals: tuple[str, ...]) -> str:
    return "; ".join(subgoals)


def _clip(node: Node) -> Frames:
    return node.last_frame[None] if node.clip is None else node.clip
