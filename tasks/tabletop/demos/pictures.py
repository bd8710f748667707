"""Pictures of states: rollout states and random boards drawn by the simulator's camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.demos.rollouts import Rollouts
from tasks.tabletop.seeing import slots
from tasks.tabletop.world.board import KINDS
from tasks.tabletop.world.layout import random_layout, random_names
from tasks.tabletop.world.world import World

CROWDED = 0.4
"""Share of pictures of blocks in heaps: one block beside another of its colour is easily taken for it."""


def draw(
    world: World,
    poses: NDArray[np.float32],
    effector: NDArray[np.float32],
    height: int = 96,
    width: int = 128,
) -> NDArray[np.uint8]:
    """The picture uint8 [height, width, 3] of poses [16, 3] (metres, radians; NaN absent)."""
    blocks = {
        k: (float(p[0]), float(p[1]), float(p[2]))
        for k, p in zip(KINDS, poses, strict=True)
        if np.isfinite(p[0])
    }
    world.place(blocks, (float(effector[0]), float(effector[1])))
    return world.render(height, width)


def _random_state(rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    layout, effector = random_layout(rng, random_names(rng), gap=float(rng.uniform(0.04, 0.062)))
    stretched = {n: (0.35 + (x - 0.35) * 1.2, y * 1.15, a) for n, (x, y, a) in layout.items()}
    return slots.pose_array(stretched), np.array(effector, np.float32)


def _crowd(rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Blocks in a few heaps, touching each other, as pushing them together leaves them."""
    names = random_names(rng)
    heaps = rng.uniform((0.2, -0.24), (0.53, 0.24), (int(rng.integers(1, 4)), 2))
    poses = np.full((len(KINDS), 3), np.nan, np.float32)
    placed: list[NDArray[np.float64]] = []
    for name in names:
        for spread in np.linspace(0.03, 0.15, 60):
            point = heaps[rng.integers(len(heaps))] + rng.normal(0, spread, 2)
            inside = 0.13 < point[0] < 0.57 and abs(point[1]) < 0.295
            if inside and all(np.linalg.norm(point - other) > rng.uniform(0.033, 0.04) for other in placed):
                placed.append(point)
                poses[KINDS.index(name)] = [*point, rng.uniform(-np.pi, np.pi)]
                break
    while True:
        pusher = rng.uniform((0.15, -0.3), (0.6, 0.3))
        if all(np.linalg.norm(pusher - other) > 0.03 for other in placed):
            return poses, pusher.astype(np.float32)


def _states(
    rng: np.random.Generator, shards: Sequence[Path]
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """States of rollouts, where there are any, and random boards; the latter reach further out."""
    rollouts = [Rollouts.load(path) for path in shards]
    while True:
        if rng.random() < CROWDED:
            yield _crowd(rng)
        elif rollouts and rng.random() < 0.6:
            chosen = rollouts[int(rng.integers(len(rollouts)))]
            step = int(rng.integers(len(chosen.poses)))
            yield chosen.poses[step], chosen.effector[step]
        else:
            yield _random_state(rng)


def record_pictures(
    path: Path,
    seed: int,
    count: int,
    shards: Sequence[Path],
    height: int = 96,
    width: int = 128,
    tick: Callable[[int], None] = lambda _: None,
) -> Path:
    """Draw `count` pictures and keep them with their slots as one .npz file, unless it is there. `tick` is
    told how many more there are."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        rng, world = np.random.default_rng(seed), World()
        states = _states(rng, shards)
        pictures = np.empty((count, height, width, 3), np.uint8)
        truth = np.empty((count, slots.SLOTS, 5), np.float32)
        for i in range(count):
            poses, effector = next(states)
            pictures[i] = draw(world, poses, effector, height, width)
            truth[i] = slots.from_poses(poses, effector)
            tick(1)
        world.close()
        partial = path.with_suffix(".partial.npz")
        np.savez(partial, pictures=pictures, slots=truth)
        partial.rename(path)
    return path
