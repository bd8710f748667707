"""Labels where the policy itself goes: it follows wanted boards in the simulator while the oracle says
what it would have done (DAgger: Ross, Gordon and Bagnell, 2011).

Boards are read from the simulator with the encoder's noise added, so that no picture is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from executors.labels import chunk
from executors.policy import SlotPolicy
from tasks import board, slots
from tasks.board import KINDS
from tasks.rollouts import Rollouts
from tasks.world import World

STRIDE = 6
"""Control steps between wanted boards, as between a clip's frames."""
PATIENCE = 12
"""Control steps spent on one wanted board at most."""
NOISE = np.array([0, 0.008, 0.008, 0.06, 0.06], np.float32)
Slots = NDArray[np.float32]


class Follower:
    """Follows oracle pushes with the policy and keeps (board, wanted board, oracle's actions)."""

    def __init__(self, policy: SlotPolicy, shards: Sequence[Path], seed: int) -> None:
        self._policy, self._rng = policy.eval(), np.random.default_rng(seed)
        self._rollouts = [Rollouts.load(path) for path in shards]
        self._world = World()
        self.now: list[Slots] = []
        self.wanted: list[Slots] = []
        self.actions: list[NDArray[np.float32]] = []

    def _noisy(self, state: Slots) -> Slots:
        noise = self._rng.normal(0, 1, state.shape).astype(np.float32)
        return state + noise * NOISE * state[..., :1]

    def _look(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        lost = self._world.lost()
        poses = {name: pose for name, pose in self._world.poses().items() if name not in lost}
        return slots.pose_array(poses), self._world.effector()

    @torch.inference_mode()
    def _act(self, now: Slots, wanted: Slots) -> NDArray[np.float64]:
        pair = [torch.from_numpy(self._noisy(state))[None] for state in (now, wanted)]
        return np.asarray(self._policy(*pair)[0, 0].double().numpy())

    def follow(self) -> None:
        """One push of the rollouts, begun with a disturbed pusher."""
        source = self._rollouts[int(self._rng.integers(len(self._rollouts)))]
        push = int(self._rng.integers(len(source.push_start)))
        start, stop = int(source.push_start[push]), int(source.push_stop[push]) - 1
        poses = source.poses[start]
        blocks = {k: tuple(map(float, p)) for k, p in zip(KINDS, poses, strict=True) if np.isfinite(p[0])}
        self._world.place(blocks, source.effector[start].tolist())
        steps = [*range(start + int(self._rng.integers(1, STRIDE + 1)), stop, STRIDE), stop]
        for index in steps:
            wanted = slots.from_poses(source.poses[index], source.effector[index])
            if not self._reach(source, index, wanted):
                return

    def _reach(self, source: Rollouts, index: int, wanted: Slots) -> bool:
        """Act towards one wanted board; False when the follower has lost it."""
        goal = {
            k: p[:2].astype(float)
            for k, p in zip(KINDS, source.poses[index], strict=True)
            if np.isfinite(p[0])
        }
        for _ in range(PATIENCE):
            poses, pusher = self._look()
            now = slots.from_poses(poses, pusher)
            blocks = {k: p[:2].astype(float) for k, p in zip(KINDS, poses, strict=True) if np.isfinite(p[0])}
            gaps = [float(np.linalg.norm(goal[k] - xy)) for k, xy in blocks.items() if k in goal]
            if max(gaps, default=1.0) < 0.012 and np.linalg.norm(source.effector[index] - pusher) < 0.025:
                return True
            if max(gaps, default=1.0) > 0.15:
                return False
            label = chunk(blocks, pusher.astype(float), goal, source.effector[index].astype(float))
            self.now.append(now)
            self.wanted.append(wanted)
            self.actions.append(label)
            low, high = zip(board.EFFECTOR_X, board.EFFECTOR_Y, strict=True)
            self._world.step(np.clip(np.array(self._world.target) + self._act(now, wanted), low, high))
        return True


def record_corrections(path: Path, policy: SlotPolicy, seed: int, count: int, shards: Sequence[Path]) -> Path:
    """Write `count` triples (slots now, slots wanted, actions) where the policy goes, as one .npz file."""
    follower = Follower(policy, shards, seed)
    while len(follower.now) < count:
        follower.follow()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")
    now, wanted, actions = (np.array(rows) for rows in (follower.now, follower.wanted, follower.actions))
    np.savez(partial, now=now, wanted=wanted, actions=actions)
    partial.rename(path)
    return path
