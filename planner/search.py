"""Tree search over imagined videos (Video Language Planning, Du, Yang et al. 2023, section 2.2, algorithm 1).

Unlike the paper, which refines every beam by itself and now and then overwrites the worst with the best, the
beam is global: each level expands all beams and keeps the best of all their branches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from planner.amend import Known
from planner.branches import Branch, OpenBeam, expand, grow, numbered
from planner.guards.pixels import FiniteGuard
from planner.protocols import Guard, Proposer, Value, VideoModel
from planner.selection import select
from planner.types import Frames, Node, NoPlan, Plan, PlanStep, Search, StepsToGo, Stopped, Tree

OnEvent = Callable[[str, dict[str, object]], None]
LARGEST = 64  # of beams, branches and horizon: more is a slip of the keyboard, not a search


def search(
    proposer: Proposer,
    video: VideoModel,
    value: Value,
    frame: Frames,
    goal: str,
    *,
    beams: int,
    language_branches: int,
    video_branches: int,
    horizon: int,
    seed: int,
    guards: Sequence[Guard] = (),
    close_guards: Sequence[Guard] = (),
    done_below: float = 5.0,
    max_value_gain: float | None = None,
    deadline: float | None = None,
    on_event: OnEvent | None = None,
    known: Known | None = None,
) -> Search:
    """The best plan from `frame` (uint8 [H, W, 3]) towards `goal`, and the tree it was found in.

    Each level imagines beams x language_branches x video_branches clips in one batch, drops those a guard
    rejects, and keeps the `beams` branches with the fewest steps-to-go (ties: the lower node id). The plan is
    the path to the best last beam, cut after its node with the fewest steps-to-go: trailing steps that make
    things worse are dropped, the first step never.

    close_guards: asked only of branches that would be kept, until all that are have passed; may be slow.
    done_below: control steps; a beam at or below keeps its place and is not expanded further.
    max_value_gain: control steps; a clip whose steps-to-go falls by more is dropped as too good to be true.
    deadline: `time.monotonic` seconds. Past it no further clips are imagined, and no level is begun that at
    the pace of those before would not end in time. Level one is always done.
    on_event: called with "level_started", "proposed", "imagined" and "scored", and JSON-ready details.
    known: an earlier tree from the same frame with an operator's changes: what it has is not imagined again.
    The same models, frame and seed give the same tree, unless a deadline cuts it short.

    Raises NoPlan when level one has no branch left (or none was proposed), ValueError for bad arguments.
    """
    _validate_inputs(frame, goal, seed)
    _validate_sizes(
        beams=beams, language_branches=language_branches, video_branches=video_branches, horizon=horizon
    )
    tell = on_event or _silent
    begun = time.monotonic()
    frame = frame.copy()  # a camera may fill its buffer again; the tree must not change
    root = _score(value, frame[None], goal)
    tree = Tree(goal, frame, float(root.mean[0]), float(root.spread[0]), ())
    front = [OpenBeam(None, frame, tree.root_steps_to_go, (), new=known is None)]
    stopped: Stopped = "horizon"
    for depth in range(1, horizon + 1):
        unfinished = [beam for beam in front if depth == 1 or beam.steps_to_go > done_below]
        ahead = _pace(tree, begun) * len(unfinished) * language_branches * video_branches
        if not unfinished or _late(deadline, depth, ahead):
            stopped = "deadline" if unfinished else "finished"
            break
        tell("level_started", {"depth": depth, "horizon": horizon, "beams": len(unfinished)})
        branches = expand(proposer, unfinished, goal, language_branches, video_branches, depth, seed, known)
        tell("proposed", {"depth": depth, "subgoals": sorted({branch.subgoal for branch in branches})})
        if not branches or _late(deadline, depth):
            stopped = "deadline" if branches else "no subgoals"
            break
        fresh = [branch for branch in branches if branch.known is None]
        grown: list[Node] = []
        if fresh:
            clips, reasons = _imagine(video, fresh)
            tell("imagined", {"depth": depth, "clips": len(clips)})
            reasons = _guard(guards, fresh, clips, reasons)
            scores = _score(value, clips[:, -1], goal)
            reasons = _guard_values(scores, fresh, reasons, max_value_gain)
            grown = grow(fresh, clips, scores, reasons, depth=depth)
        finished = [beam for beam in front if beam not in unfinished]
        allowed = None if known is None else partial(known.allows, depth)
        level = numbered(branches, grown, first_id=len(tree.nodes))
        selected, level = select(
            finished, branches, level, beams, allowed, partial(_look_closer, close_guards)
        )
        reasons = [node.rejected for node in level]
        front = selected or front
        tree = _add(tree, level, front)
        tell("scored", _summary(depth, level, front))
        # What passed may not be what an operator wants the plan to go through.
        if all(reasons) or not selected:
            stopped = "rejected"
            break
    return Search(_plan(tree, front[0]), tree, stopped)


def _imagine(video: VideoModel, branches: Sequence[Branch]) -> tuple[Frames, list[str | None]]:
    """One batch of clips, uint8 [N, T, H, W, 3], and which of them hold no pictures."""
    starts = _starts(branches)
    subgoals, seeds = [branch.subgoal for branch in branches], [branch.seed for branch in branches]
    clips: NDArray[np.generic] = video.imagine(starts, subgoals, seeds)
    assert clips.ndim == 5 and clips.shape[1] and (len(clips), *clips.shape[2:]) == starts.shape, (
        f"imagine: expected clips {(len(starts), 'T', *starts.shape[1:])}, got {clips.shape}"
    )
    reasons = FiniteGuard().check(starts, clips, subgoals)
    if clips.dtype == np.uint8:
        return clips.astype(np.uint8), reasons  # a copy: the model may use its buffer again
    return np.nan_to_num(clips, nan=0.0).clip(0, 255).round().astype(np.uint8), reasons


def _guard(
    guards: Sequence[Guard], branches: Sequence[Branch], clips: Frames, reasons: Sequence[str | None]
) -> list[str | None]:
    """Each guard sees the clips that passed the ones before it."""
    starts, found = _starts(branches), list(reasons)
    for guard in guards:
        alive = [i for i, reason in enumerate(found) if reason is None]
        if not alive:
            break
        verdicts = guard.check(starts[alive], clips[alive], [branches[i].subgoal for i in alive])
        assert len(verdicts) == len(alive), f"{guard}: expected {len(alive)} verdicts, got {len(verdicts)}"
        for i, verdict in zip(alive, verdicts, strict=True):
            found[i] = verdict
    return found


def _look_closer(guards: Sequence[Guard], branches: Sequence[Branch], clips: Frames) -> list[str | None]:
    return _guard(guards, branches, clips, [None] * len(branches))


def _score(value: Value, frames: Frames, goal: str) -> StepsToGo:
    scores = value.steps_to_go(frames, goal)
    assert len(scores.mean) == len(frames), f"steps_to_go: expected [{len(frames)}], got {scores.mean.shape}"
    return scores


def _guard_values(
    scores: StepsToGo, branches: Sequence[Branch], reasons: Sequence[str | None], max_gain: float | None
) -> list[str | None]:
    finite = np.isfinite(scores.mean) & np.isfinite(scores.spread)
    with np.errstate(invalid="ignore"):  # infinite values are judged below
        gains = np.array([branch.beam.steps_to_go for branch in branches]) - scores.mean

    def judge(i: int) -> str | None:
        if not finite[i]:
            return "steps-to-go is not finite"
        if max_gain is not None and gains[i] > max_gain:
            return f"value jumps by {gains[i]:.0f} steps (> {max_gain:g})"
        return None

    return [reason or judge(i) for i, reason in enumerate(reasons)]


def _add(tree: Tree, level: Sequence[Node], front: Sequence[OpenBeam]) -> Tree:
    kept = {beam.node_id for beam in front}
    return replace(tree, nodes=(*tree.nodes, *(replace(node, kept=node.id in kept) for node in level)))


def _plan(tree: Tree, best: OpenBeam) -> Plan:
    if best.node_id is None:
        raise NoPlan(tree)
    path = tree.path(best.node_id)
    lowest = min(range(len(path)), key=lambda i: path[i].steps_to_go)
    return Plan(tuple(
        PlanStep(node.subgoal, node.clip, node.steps_to_go, node.spread, node.id)
        for node in path[: lowest + 1] if node.clip is not None
    ))  # fmt: skip


def _starts(branches: Sequence[Branch]) -> Frames:
    return np.stack([branch.beam.frame for branch in branches])


def _pace(tree: Tree, begun: float) -> float:
    """Seconds a clip since `begun`."""
    return (time.monotonic() - begun) / max(1, len(tree.nodes))


def _late(deadline: float | None, depth: int, ahead: float = 0.0) -> bool:
    """Whether the deadline is past, or will be in `ahead` seconds."""
    return depth > 1 and deadline is not None and time.monotonic() + ahead >= deadline


def _silent(kind: str, details: dict[str, object]) -> None:
    """No one listens."""


def _summary(depth: int, level: Sequence[Node], front: Sequence[OpenBeam]) -> dict[str, object]:
    return {
        "depth": depth,
        "kept": [beam.node_id for beam in front],
        "best_steps_to_go": front[0].steps_to_go,
        "rejected": sum(node.rejected is not None for node in level),
    }


def _validate_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if not isinstance(size, int) or not 1 <= size <= LARGEST:
            raise ValueError(
                f"{name}: expected 1 to {LARGEST}, got {size!r}; give a whole number in that range"
            )


def _validate_inputs(frame: Frames, goal: str, seed: int) -> None:
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed: expected a whole number of 0 or more, got {seed!r}; give such a number")
    if not goal.strip():
        raise ValueError(f"goal: expected an instruction, got {goal!r}; say what to do")
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[-1] != 3 or not frame.size:
        raise ValueError(
            f"frame: expected uint8 [H, W, 3], got {frame.dtype} {list(frame.shape)}; give an RGB picture"
        )
