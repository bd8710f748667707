"""Types of a search: proposals, scores, the tree of imagined branches and the plan.

Shapes: B beams, N branches, T future frames of a clip, H x W pixels. Steps-to-go and its spread are in
control steps. Frames are RGB, uint8 0..255. A clip does not repeat its start frame; where frames are numbered
in words ("frame 5"), frame 0 is the start frame and 1..T are the clip.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]
Stopped = Literal["horizon", "finished", "deadline", "no subgoals", "rejected"]

_REASONS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Proposal:
    """One subgoal a proposer suggests, with the probability it gives it (0..1)."""

    text: str
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class StepsToGo:
    """Control steps left to the goal, one entry a frame."""

    mean: NDArray[np.float32]  # [N]
    spread: NDArray[np.float32]  # [N], standard deviation

    def __post_init__(self) -> None:
        for name, array in (("mean", self.mean), ("spread", self.spread)):
            assert array.ndim == 1 and array.dtype == np.float32, (
                f"StepsToGo.{name}: expected float32 [N], got {array.dtype} {array.shape}"
            )
        assert self.mean.shape == self.spread.shape, (
            f"StepsToGo: mean {self.mean.shape} and spread {self.spread.shape} must have the same length"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A branch: one clip imagined for one subgoal from where its parent stands."""

    id: int  # its place in Tree.nodes
    parent: int | None  # None: it starts from the root frame
    depth: int  # 1..horizon
    subgoal: str
    probability: float  # of the subgoal, 0..1
    seed: int  # what the video model was given, 0..2**32-1
    clip: Frames | None  # [T, H, W, 3]; None where a saved tree was read back without its clips
    last_frame: Frames  # [H, W, 3], what was scored
    steps_to_go: float  # control steps; also of a rejected branch, and NaN where the value model gave none
    spread: float  # control steps
    kept: bool  # it became one of the beams of its level
    rejected: str | None  # why it was dropped, in words; None: it passed the guards


@dataclass(frozen=True, slots=True, eq=False)
class PlanStep:
    """One step of a plan: do `subgoal`, and it should look like `clip`."""

    subgoal: str
    clip: Frames  # [T, H, W, 3]
    steps_to_go: float  # control steps left after the clip
    spread: float  # control steps
    node_id: int


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The path from the root to the best leaf, at least one step long."""

    steps: tuple[PlanStep, ...]

    @property
    def subgoals(self) -> tuple[str, ...]:
        return tuple(step.subgoal for step in self.steps)

    @property
    def steps_to_go(self) -> float:
        """Control steps left after the last step."""
        return self.steps[-1].steps_to_go

    @property
    def spread(self) -> float:
        """Spread of `steps_to_go`, control steps."""
        return self.steps[-1].spread

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[PlanStep]:
        return iter(self.steps)

    def __getitem__(self, index: int) -> PlanStep:
        return self.steps[index]


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Every branch that was imagined, the rejected ones with their frames and reasons."""

    goal: str
    root_frame: Frames  # [H, W, 3]
    root_steps_to_go: float  # control steps from the root frame; NaN where the value model gave none
    root_spread: float  # control steps
    nodes: tuple[Node, ...]  # node i has id i; levels in order

    def children(self, node_id: int | None) -> tuple[Node, ...]:
        """The branches that start where `node_id` ends (None: from the root frame)."""
        return tuple(node for node in self.nodes if node.parent == node_id)

    def path(self, node_id: int) -> tuple[Node, ...]:
        """The nodes from level one down to `node_id`, both included."""
        node = self.nodes[node_id]
        return (node,) if node.parent is None else (*self.path(node.parent), node)

    def level(self, depth: int) -> tuple[Node, ...]:
        """The branches of one level (1..horizon)."""
        return tuple(node for node in self.nodes if node.depth == depth)

    def rejections(self) -> dict[str, int]:
        """How often each reason was given, the commonest first."""
        return dict(Counter(node.rejected for node in self.nodes if node.rejected).most_common())


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What `search` gives back."""

    plan: Plan
    tree: Tree
    stopped: Stopped  # why no further level was imagined
    expected_success: float | None = None  # of the plan's first step, 0..1, where somebody can tell


class NoPlan(Exception):
    """No branch of the first level may be acted on. Holds the tree with every clip and reason."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.reasons: dict[str, int] = tree.rejections()
        super().__init__(self._message())

    def __reduce__(self) -> tuple[type[NoPlan], tuple[Tree]]:
        return NoPlan, (self.tree,)

    def _message(self) -> str:
        if not self.tree.nodes:
            return (
                f"no plan: no subgoal was proposed for {self.tree.goal!r}; nothing is done; say it otherwise"
            )
        shown = [f"{count} x {reason}" for reason, count in self.reasons.items()][:_REASONS_SHOWN]
        if others := len(self.reasons) - len(shown):
            shown.append(f"{others} other reasons")
        fit = sum(node.rejected is None for node in self.tree.nodes)
        if fit:  # an operator has said which one the plan is to go through
            return (
                f"no plan: of the branches that were asked for none is left ({', '.join(shown)}); nothing is "
                "done; choose another"
            )
        return (
            f"no plan: all {len(self.tree.nodes)} branches were rejected ({', '.join(shown)}); "
            "nothing is done; try another seed or more branches"
        )
