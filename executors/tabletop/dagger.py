"""DAgger labels: the policy itself follows wanted boards in the simulator while the oracle says
what it would have done (DAgger: Ross, Gordon and Bagnell, 2011).

Boards are read from the simulator with the encoder's noise added, so that no picture is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from executors.tabletop.deviation import left_alone
from executors.tabletop.labels import chunk
from executors.tabletop.policy import SlotPolicy, keep
from executors.tabletop.shield import Shield
from tasks.tabletop.demos.rollouts import Rollouts, read_instruction
from tasks.tabletop.language import canonical
from tasks.tabletop.seeing import slots
from tasks.tabletop.world import board
from tasks.tabletop.world.board import KINDS
from tasks.tabletop.world.world import World

STRIDE = board.CLIP_STRIDE
"""Control steps between wanted boards, as between a clip's frames."""
PATIENCE = 12
"""Control steps spent on one wanted board at most."""
NOISE = np.array([0, 0.008, 0.008, 0.06, 0.06], np.float32)
IMAGINED = 0.6
"""Share of pushes followed on imagined boards, where a video model is given: they are off by what it is."""
CANDIDATES = 3
"""Pushes drawn for each that is followed, the one on the more crowded board: there it goes wrong."""
Slots = NDArray[np.float32]
Imagine = Callable[[Slots, str, int], Slots]
"""First slots [17, 5], words and a seed to future slots [T, 17, 5]."""


def _room(source: Rollouts, push: int) -> float:
    """Metres from a block to the nearest other at a push's start, on average."""
    xy = source.poses[source.push_start[push], :, :2]
    xy = xy[np.isfinite(xy[:, 0])]
    apart = np.linalg.norm(xy[:, None] - xy[None], axis=-1) + np.eye(len(xy))
    return float(apart.min(1).mean()) if len(xy) else 1.0


class DaggerFollower:
    """Follows oracle pushes with the policy and keeps (board, wanted board, oracle's actions)."""

    def __init__(
        self, policy: SlotPolicy, shards: Sequence[Path], seed: int, imagine: Imagine | None = None
    ) -> None:
        self._policy, self._rng, self._imagine = policy.eval(), np.random.default_rng(seed), imagine
        self._rollouts = [Rollouts.load(path) for path in shards]
        self._world, self._shield = World(), Shield()
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
    def _act(self, now: Slots, wanted: Slots, stays: NDArray[np.bool_]) -> NDArray[np.float32]:
        pair = [torch.from_numpy(state)[None] for state in (now, keep(now, wanted, stays))]
        return np.asarray(self._policy(*pair)[0, 0].numpy())

    def _push(self) -> tuple[Rollouts, int]:
        source = self._rollouts[int(self._rng.integers(len(self._rollouts)))]
        return source, int(self._rng.integers(len(source.push_start)))

    def follow(self) -> None:
        """One push of the rollouts, begun with a disturbed pusher: its own later boards, or imagined ones."""
        source, push = min((self._push() for _ in range(CANDIDATES)), key=lambda drawn: _room(*drawn))
        start, stop = int(source.push_start[push]), int(source.push_stop[push]) - 1
        poses, effector = source.poses[start], source.effector[start]
        blocks = {k: tuple(map(float, p)) for k, p in zip(KINDS, poses, strict=True) if np.isfinite(p[0])}
        self._world.place(blocks, effector.tolist())
        if self._imagine is not None and self._rng.random() < IMAGINED:
            text = canonical(read_instruction(source.push_text[push]))
            first = self._noisy(slots.from_poses(poses, effector))
            clip = self._imagine(first, text, int(self._rng.integers(2**31)))
        else:
            steps = [*range(start + int(self._rng.integers(1, STRIDE + 1)), stop, STRIDE), stop]
            clip = slots.from_poses(source.poses[steps], source.effector[steps])
        stays = self._left_alone(clip)
        for wanted in clip:
            if not self._reach(wanted, stays):
                return

    def _left_alone(self, clip: Slots) -> NDArray[np.bool_]:
        """Which slots [17] a clip [T, 17, 5] never shows far from where they stand now."""
        now = slots.from_poses(*self._look())
        return left_alone((now[:, 0] > 0.5, slots.places(now)), (clip[..., 0] > 0.5, slots.places(clip)))

    def _reach(self, wanted: Slots, stays: NDArray[np.bool_]) -> bool:
        """Act towards one wanted board [17, 5], moving nothing that `stays` [17]; False when the follower has
        lost it."""
        for _ in range(PATIENCE):
            poses, pusher = self._look()
            now = slots.from_poses(poses, pusher)
            kept = keep(now, wanted, stays)
            where = slots.places(kept).astype(float)
            goal = {k: where[i] for i, k in enumerate(KINDS) if kept[i, 0] > 0.5}
            blocks = {k: p[:2].astype(float) for k, p in zip(KINDS, poses, strict=True) if np.isfinite(p[0])}
            gaps = [float(np.linalg.norm(goal[k] - xy)) for k, xy in blocks.items() if k in goal]
            if max(gaps, default=1.0) < 0.012 and np.linalg.norm(where[slots.PUSHER] - pusher) < 0.025:
                return True
            if max(gaps, default=1.0) > 0.15:
                return False
            self.now.append(now)
            self.wanted.append(kept)
            self.actions.append(chunk(blocks, pusher.astype(float), goal, where[slots.PUSHER]))
            low, high = zip(board.EFFECTOR_X, board.EFFECTOR_Y, strict=True)
            action = self._act(self._noisy(now), self._noisy(wanted), stays)
            seen, target = (now[:, 0] > 0.5, slots.places(now)), np.array(self._world.target)
            turned = self._shield.turn(action, target, seen, (kept[:, 0] > 0.5, slots.places(kept)), stays)
            self._world.step(np.clip(target + turned, low, high))
        return True


def record_corrections(
    path: Path,
    policy: SlotPolicy,
    seed: int,
    count: int,
    shards: Sequence[Path],
    imagine: Imagine | None = None,
    tick: Callable[[int], None] = lambda _: None,
) -> Path:
    """Write `count` triples (slots now, slots wanted, actions) where the policy goes, as one .npz file.
    `tick` is told how many more there are."""
    follower = DaggerFollower(policy, shards, seed, imagine)
    while len(follower.now) < count:
        before = len(follower.now)
        follower.follow()
        tick(len(follower.now) - before)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")
    now, wanted, actions = (np.array(rows) for rows in (follower.now, follower.wanted, follower.actions))
    np.savez(partial, now=now, wanted=wanted, actions=actions)
    partial.rename(path)
    return path
