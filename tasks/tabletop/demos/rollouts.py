"""Oracle rollouts as plain arrays, without pictures: what the models are trained from.

A shard is an .npz file of the arrays that `Rollouts` names; pictures are drawn from the poses when
they are needed, which is cheaper than keeping them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.demos.beginnings import draw_layout, draw_names, draw_row, draw_task
from tasks.tabletop.demos.demonstrator import Noise, Push, centers, run_long, run_push
from tasks.tabletop.demos.oracle import Style
from tasks.tabletop.goals import families
from tasks.tabletop.language.instruction import Instruction
from tasks.tabletop.world import board
from tasks.tabletop.world.layout import random_names
from tasks.tabletop.world.world import World

PUSHES_A_PLAY = 6
HOLD = 3
"""Control steps at rest that are kept after each push."""


@dataclass(frozen=True)
class Rollouts:
    """Control steps of many episodes, one after the other. S steps, P pushes, E episodes."""

    poses: NDArray[np.float32]
    """[S, 16, 3] x, y in metres and yaw in radians, in the order of KINDS; NaN where not on the board."""
    effector: NDArray[np.float32]
    """[S, 2] metres, measured."""
    target: NDArray[np.float32]
    """[S, 2] metres, the set point before the action."""
    action: NDArray[np.float32]
    """[S, 2] metres, the oracle's set-point change (a disturbance may have been added to it)."""
    push: NDArray[np.int64]
    """[S] which push a step belongs to."""
    push_start: NDArray[np.int64]
    """[P] first step."""
    push_stop: NDArray[np.int64]
    """[P] one past the last step, hold included."""
    push_done: NDArray[np.bool_]
    """[P] whether the push succeeded."""
    push_text: tuple[str, ...]
    """[P] family and fields as JSON, see `read_instruction`."""
    push_episode: NDArray[np.int64]
    """[P] which episode."""
    episode_stop: NDArray[np.int64]
    """[E] one past the last step."""
    episode_goal: tuple[str, ...]
    """[E] the long-horizon instruction, or "" for play."""
    episode_done: NDArray[np.bool_]
    """[E] whether the long task was completed."""

    @classmethod
    def load(cls, path: Path) -> Rollouts:
        """Read one shard."""
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
        for name in ("push_text", "episode_goal"):
            arrays[name] = tuple(str(text) for text in arrays[name])
        return cls(**arrays)


def write_instruction(instruction: Instruction) -> str:
    """An instruction as a line of JSON."""
    return json.dumps([instruction.family, dict(instruction.fields)])


def read_instruction(text: str) -> Instruction:
    """The way back from `write_instruction`."""
    family, fields = json.loads(text)
    return Instruction(family, {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})


@dataclass
class _Log:
    columns: dict[str, list[object]] = field(default_factory=dict)

    def add(self, **values: object) -> None:
        for name, value in values.items():
            self.columns.setdefault(name, []).append(value)

    def __len__(self) -> int:
        return len(self.columns.get("push", []))


class Recorder:
    """Runs episodes in a world and keeps their steps."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._world = World()
        self._steps, self._pushes, self._episodes = _Log(), _Log(), _Log()

    def __len__(self) -> int:
        return len(self._steps)

    def _step(self, action: NDArray[np.float64]) -> None:
        poses = np.full((len(board.KINDS), 3), np.nan, np.float32)
        lost = self._world.lost()
        for name, pose in self._world.poses().items():
            if name not in lost:
                poses[board.KINDS.index(name)] = pose
        number = len(self._pushes.columns.get("push_text", []))
        self._steps.add(
            poses=poses,
            effector=self._world.effector(),
            target=np.array(self._world.target, np.float32),
            action=np.asarray(action, np.float32),
            push=number,
        )

    def run(self, push: Push, noise: Noise) -> None:
        """Carry out one push and keep it."""
        start = len(self)
        for _, action in run_push(self._world, push, self._rng, noise):
            self._step(action)
        for _ in range(HOLD):
            self._step(np.zeros(2))
            self._world.step(self._world.target)
        self._pushes.add(
            push_start=start,
            push_stop=len(self),
            push_done=push.done,
            push_text=write_instruction(push.instruction),
            push_episode=len(self._episodes.columns.get("episode_goal", [])),
        )

    def _noise(self) -> Noise:
        return Noise(rate=0.06, size=0.02) if self._rng.random() < 0.35 else Noise()

    def play(self, count: int) -> None:
        """Random feasible pushes, one after another."""
        for _ in range(count):
            blocks = centers(self._world)
            if len(blocks) < 2:
                return
            family = families.FAMILIES[int(self._rng.integers(len(families.FAMILIES)))]
            for _ in range(30):
                instruction = families.draw(family, self._rng, blocks)
                spot = self._spot(instruction, blocks)
                push = Push.begin(instruction, blocks, Style.sample(self._rng), spot)
                done = push.succeeded(blocks, np.array(self._world.target))
                if families.feasible(instruction, push.task, blocks) and not done:
                    self.run(push, self._noise())
                    break

    def _spot(
        self, instruction: Instruction, blocks: dict[str, NDArray[np.float64]]
    ) -> NDArray[np.float64] | None:
        if instruction.family not in families.EXTENSION_FAMILIES:
            return None
        free = families.spots(instruction, blocks)[:4]
        return free[int(self._rng.integers(len(free)))] if len(free) else None

    def episode(self) -> None:
        """One episode: play, or a long task after no or some play."""
        rng = self._rng
        long = rng.random() < 0.65
        names = draw_names(rng) if long else random_names(rng)
        task = draw_task(rng)
        row = draw_row(rng, task) if long else None
        layout, effector = draw_layout(rng, names, row)
        self._world.place(layout, effector)
        self._world.step(effector)
        if not long:
            self.play(PUSHES_A_PLAY)
            self._episodes.add(episode_stop=len(self), episode_goal="", episode_done=False)
            return
        if row is None and rng.random() < 0.3:
            self.play(int(rng.integers(1, 3)))
            self._episodes.add(episode_stop=len(self), episode_goal="", episode_done=False)
        for push in run_long(self._world, task, rng, max_steps=900, names=board.BLOCK_8):
            self.run(push, self._noise())
        # A block that was missing from the beginning counts as lost, too.
        done = task.reward(centers(self._world), board.BLOCK_8) >= 1.0
        self._episodes.add(episode_stop=len(self), episode_goal=task.instruction, episode_done=done)

    def save(self, path: Path) -> None:
        """Write what was kept as one shard."""
        columns = self._steps.columns | self._pushes.columns | self._episodes.columns
        partial = path.with_suffix(".partial.npz")
        arrays: dict[str, Any] = {name: np.array(values) for name, values in columns.items()}
        np.savez_compressed(partial, **arrays)
        partial.rename(path)


def record(folder: Path, seed: int, steps: int, tick: Callable[[int], None] = lambda _: None) -> Path:
    """Record one shard of at least `steps` control steps from a seed; kept if it is there already. `tick` is
    told how many more there are."""
    path = folder / f"rollouts-{seed:06d}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        recorder = Recorder(np.random.default_rng(seed))
        while len(recorder) < steps:
            before = len(recorder)
            recorder.episode()
            tick(len(recorder) - before)
        recorder.save(path)
    return path
