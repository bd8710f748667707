"""Boards on the way to long tasks, with what the demonstrator would do next and how long it would take.

From `kinematic`, not from the simulator: sloppier than demonstrations, so that a value also sees the
boards that an agent leaves behind, and each board is played several times, so that it learns what to expect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.demos.beginnings import draw_layout, draw_names, draw_row, draw_task
from tasks.tabletop.demos.demonstrator import choose
from tasks.tabletop.demos.kinematic import Blocks, Pushed, Vector, carry_out, play, push_to
from tasks.tabletop.demos.oracle import REACH_HIGH, REACH_LOW
from tasks.tabletop.demos.rollouts import write_instruction
from tasks.tabletop.goals.base import LongTask, Subgoal
from tasks.tabletop.seeing import slots
from tasks.tabletop.world import board

PLAYS = 4
"""Outcomes a board."""
_ASTRAY = 0.15
"""Share of pushes that bring any block anywhere."""
_SLOPPY = 0.008
"""Metres by which a push misses, each way."""
_MOST_PUSHES = 14
_ELSEWHERE = 0.3
"""Share of boards on which the pusher is not where the last push left it."""


@dataclass(frozen=True)
class Played:
    """N boards. Written as an .npz file of these arrays."""

    slots: NDArray[np.float32]
    """[N, 17, 5], see `tasks.tabletop.seeing.slots`."""
    goal: NDArray[np.str_]
    """[N] the long task's instruction."""
    asked: NDArray[np.str_]
    """[N] the next push, see `rollouts.read_instruction`; "" where nothing is left to do."""
    steps: NDArray[np.float32]
    """[N, PLAYS] control steps to go, see `tasks.tabletop.demos.kinematic.Outcome`."""

    @classmethod
    def load(cls, path: Path) -> Played:
        """Read one file."""
        with np.load(path, allow_pickle=False) as data:
            return cls(**{name: data[name] for name in data.files})


def _state(rng: np.random.Generator, blocks: Blocks, pusher: Vector) -> NDArray[np.float32]:
    """Slots [17, 5]; pushing turns blocks any way."""
    poses = slots.pose_array(
        {k: (float(x), float(y), rng.uniform(-np.pi, np.pi)) for k, (x, y) in blocks.items()}
    )
    return slots.from_poses(poses, pusher.astype(np.float32))


def _elsewhere(rng: np.random.Generator, blocks: Blocks) -> Vector:
    """A place for the pusher clear of the blocks."""
    taken = np.array(list(blocks.values()))
    low, high = np.array([board.EFFECTOR_X, board.EFFECTOR_Y]).T
    while True:
        place = rng.uniform(low, high)
        if np.linalg.norm(taken - place, axis=1).min() > 0.036:
            return np.asarray(place)


def sloppily(rng: np.random.Generator, subgoal: Subgoal, blocks: Blocks, pusher: Vector) -> Pushed:
    """A push as an agent makes it: near to what was asked, or something else altogether. No block leaves the
    board."""
    if rng.random() < _ASTRAY:
        name = str(rng.choice(list(blocks)))
        result = push_to(blocks, pusher, name, rng.uniform(REACH_LOW, REACH_HIGH), rng, 0.01)
    else:
        aimed = subgoal.spot
        if aimed is not None:
            aimed = aimed + rng.normal(0, _SLOPPY, 2)
        result = carry_out(Subgoal(subgoal.instruction, aimed, subgoal.cost), blocks, pusher, rng)
    return kept_on(result)


def kept_on(result: Pushed) -> Pushed:
    """A push of which no block left the board."""
    low, high = np.array([board.BOARD_X, board.BOARD_Y]).T
    return replace(result, blocks={name: np.clip(xy, low, high) for name, xy in result.blocks.items()})


def _outcomes(task: LongTask, blocks: Blocks, pusher: Vector, rng: np.random.Generator) -> list[float]:
    return [play(task, blocks, pusher, rng, names=board.BLOCK_8).steps_to_go for _ in range(PLAYS)]


def _episode(rng: np.random.Generator) -> Iterator[tuple[NDArray[np.float32], str, str, list[float]]]:
    """Boards of one long task, from its beginning to its end or until it has gone on for long."""
    task = draw_task(rng)
    layout, start = draw_layout(rng, draw_names(rng), draw_row(rng, task))
    blocks: Blocks = {name: np.array(pose[:2]) for name, pose in layout.items()}
    pusher = np.array(start)
    for _ in range(_MOST_PUSHES):
        if rng.random() < _ELSEWHERE:
            pusher = _elsewhere(rng, blocks)
        subgoals = task.subgoals(blocks) if task.reward(blocks, board.BLOCK_8) < 1.0 else []
        chosen = choose(subgoals, rng) if subgoals else None
        asked = write_instruction(chosen.instruction) if chosen else ""
        yield _state(rng, blocks, pusher), task.instruction, asked, _outcomes(task, blocks, pusher, rng)
        if chosen is None:
            return
        result = sloppily(rng, chosen, blocks, pusher)
        blocks, pusher = result.blocks, result.pusher


def record_played(path: Path, seed: int, count: int, tick: Callable[[int], None] = lambda _: None) -> Path:
    """Write `count` boards or a few more from a seed; a file that is there already is kept. `tick` is told
    how many more there are."""
    if path.exists():
        return path
    rng = np.random.default_rng(seed)
    rows: list[tuple[NDArray[np.float32], str, str, list[float]]] = []
    while len(rows) < count:
        found = list(_episode(rng))
        rows += found
        tick(len(found))
    states, goals, asked, steps = zip(*rows, strict=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")
    arrays = {"slots": np.stack(states), "goal": np.array(goals), "asked": np.array(asked)}
    np.savez_compressed(partial, steps=np.array(steps, np.float32), **arrays)  # type: ignore[arg-type]
    partial.rename(path)
    return path
