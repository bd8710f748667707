"""Policy labels: what the oracle would do to get from a board to a wanted board.

States come from rollouts and are then disturbed, so that the policy sees what its own errors lead to
(in the spirit of Laskey et al., "DART: Noise Injection for Robust Imitation Learning", 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.demos import oracle
from tasks.tabletop.demos.rollouts import Rollouts
from tasks.tabletop.seeing import slots
from tasks.tabletop.world import board
from tasks.tabletop.world.board import KINDS

MOVED = 0.004
"""A block that is wanted this far from where it is, in metres, is to be pushed."""
CONTACT = 0.034
CHUNK = 2
Vector = NDArray[np.float64]


def expert(blocks: dict[str, Vector], pusher: Vector, wanted: dict[str, Vector], goal: Vector) -> Vector:
    """The oracle's set-point change [2] in metres towards wanted block centres and pusher place."""
    style = oracle.Style()
    moved = {name: float(np.linalg.norm(wanted[name] - xy)) for name, xy in blocks.items() if name in wanted}
    name = max(moved, key=lambda key: moved[key], default=None)
    if name is not None and moved[name] > MOVED:
        return oracle.push(blocks, pusher, name, wanted[name], style)
    return oracle.reach(blocks, pusher, goal, style)


def _after(blocks: dict[str, Vector], pusher: Vector) -> dict[str, Vector]:
    """Blocks moved out of the pusher's way, as slow pushing does."""
    result = {}
    for name, xy in blocks.items():
        gap = xy - pusher
        length = max(float(np.linalg.norm(gap)), 1e-6)
        result[name] = xy if length >= CONTACT else pusher + gap * CONTACT / length
    return result


def chunk(
    blocks: dict[str, Vector], pusher: Vector, wanted: dict[str, Vector], goal: Vector
) -> NDArray[np.float32]:
    """The oracle's next actions float32 [2, 2]; the second by a simple forward model."""
    actions = []
    for _ in range(CHUNK):
        actions.append(expert(blocks, pusher, wanted, goal))
        pusher = pusher + actions[-1]
        blocks = _after(blocks, pusher)
    return np.array(actions, np.float32)


def _centers(poses: NDArray[np.float32]) -> dict[str, Vector]:
    return {k: p[:2].astype(float) for k, p in zip(KINDS, poses, strict=True) if np.isfinite(p[0])}


def _disturb(
    rng: np.random.Generator, poses: NDArray[np.float32], pusher: Vector
) -> tuple[NDArray[np.float32], Vector]:
    """Shift the pusher, at times a block, where there is room."""
    poses = poses.copy()
    present = np.isfinite(poses[:, 0]).nonzero()[0]
    if rng.random() < 0.25 and len(present):
        near = present[np.argsort(np.linalg.norm(poses[present, :2] - pusher, axis=1))[:2]]
        poses[rng.choice(near), :2] += rng.normal(0, 0.012, 2)
    if rng.random() < 0.6:
        low = (board.EFFECTOR_X[0], board.EFFECTOR_Y[0])
        high = (board.EFFECTOR_X[1], board.EFFECTOR_Y[1])
        pusher = np.clip(pusher + rng.normal(0, rng.choice([0.008, 0.02, 0.06]), 2), low, high)
    return poses, pusher


def _clear(poses: NDArray[np.float32], pusher: Vector) -> bool:
    xy = poses[np.isfinite(poses[:, 0]), :2]
    gaps = np.linalg.norm(xy[:, None] - xy[None], axis=-1) + np.eye(len(xy))
    return bool(np.linalg.norm(xy - pusher, axis=1).min(initial=1.0) > 0.028 and gaps.min(initial=1.0) > 0.03)


def record_labels(
    path: Path, seed: int, count: int, shards: Sequence[Path], tick: Callable[[int], None] = lambda _: None
) -> Path:
    """Write `count` triples (slots now, slots wanted, actions) as one .npz file, unless it is there.
    `tick` is told how many more there are."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rollouts = [Rollouts.load(shard) for shard in shards]
    now: list[NDArray[np.float32]] = []
    wanted: list[NDArray[np.float32]] = []
    actions: list[NDArray[np.float32]] = []
    while len(now) < count:
        source = rollouts[int(rng.integers(len(rollouts)))]
        push = int(rng.integers(len(source.push_start)))
        start, stop = int(source.push_start[push]), int(source.push_stop[push])
        step = int(rng.integers(start, stop))
        ahead = min(step + int(rng.integers(1, 12)), stop - 1)
        poses, pusher = source.poses[step], source.effector[step].astype(float)
        for _ in range(4):
            tried = _disturb(rng, poses, pusher)
            if _clear(*tried):
                poses, pusher = tried
                break
        goal = source.effector[ahead]
        labels = chunk(_centers(poses), pusher, _centers(source.poses[ahead]), goal.astype(float))
        now.append(slots.from_poses(poses, pusher.astype(np.float32)))
        wanted.append(slots.from_poses(source.poses[ahead], goal))
        actions.append(labels)
        tick(1)
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, now=np.array(now), wanted=np.array(wanted), actions=np.array(actions))
    partial.rename(path)
    return path
