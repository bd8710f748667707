"""Boards on the way to programs of relations, with the demonstrator's next push and how long it took.

Played without physics (see `kinematic`), sloppily, so that boards are also such as agents leave behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.demos.arranged import Arranging
from tasks.tabletop.demos.beginnings import draw_layout
from tasks.tabletop.demos.drawn_programs import MOST, draw_step
from tasks.tabletop.demos.kinematic import MISSED, Blocks, Pushed, Vector, push_to
from tasks.tabletop.demos.oracle import REACH_HIGH, REACH_LOW
from tasks.tabletop.demos.played import kept_on
from tasks.tabletop.goals.program import Step
from tasks.tabletop.goals.relation_numbers import MEASURES, MOST_WORDS, ROLES, Asked, asked
from tasks.tabletop.seeing import slots
from tasks.tabletop.world import board
from tasks.tabletop.world.layout import random_names

ASTRAY: Final = 0.1
"""Share of pushes that bring any block anywhere."""
SLOPPY: Final = 0.004
"""Metres by which a push misses, each way."""
SHORT: Final = 0.01
"""Metres short of its place at which it may end."""
MOST_PUSHES: Final = 16
NOTHING: Final = -1
"""In `push`, where nothing is left to do, or nothing can be done."""


@dataclass(frozen=True)
class PlayedPrograms:
    """N boards of P programs. Written as an .npz file of these arrays."""

    slots: NDArray[np.float32]
    """[N, 17, 5], see `tasks.tabletop.seeing.slots`."""
    program: NDArray[np.int32]
    """[N] which one."""
    push: NDArray[np.int8]
    """[N] the block that is pushed next, a number in KINDS, or NOTHING."""
    spot: NDArray[np.float32]
    """[N, 2] metres, where to."""
    wanted: NDArray[np.float32]
    """[N, 16, 2] metres, where the blocks are to be in the end; NaN where that is not known."""
    steps: NDArray[np.float32]
    """[N] control steps that it took from there, with MISSED for all that was not reached."""
    kind: NDArray[np.int8]
    """[P, MOST] and the next three: the relations, see `relation_numbers.Asked`; NOTHING after the last."""
    words: NDArray[np.int8]
    measures: NDArray[np.float32]
    roles: NDArray[np.float16]

    @classmethod
    def load(cls, path: Path) -> PlayedPrograms:
        """Read one file."""
        with np.load(path, allow_pickle=False) as data:
            return cls(**{entry.name: data[entry.name] for entry in fields(cls)})


def record_played_programs(
    path: Path, seed: int, count: int, tick: Callable[[int], None] = lambda _: None
) -> Path:
    """Write `count` boards or a few more from a seed; a file that is there already is kept. `tick` is told
    how many more there are."""
    if path.exists():
        return path
    rng = np.random.default_rng(seed)
    rows: list[tuple[Any, ...]] = []
    programs: list[tuple[NDArray[Any], ...]] = []
    while len(rows) < count:
        step, episode = _episode(rng)
        rows += [(*row, len(programs)) for row in episode]
        programs.append(_padded(asked(step)))
        tick(len(episode))
    state, push, spot, wanted, steps, program = (np.array(column) for column in zip(*rows, strict=True))
    kind, words, measures, roles = (np.stack(column) for column in zip(*programs, strict=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(
        partial, slots=state.astype(np.float32), program=program.astype(np.int32), push=push.astype(np.int8),
        spot=spot.astype(np.float32), wanted=wanted.astype(np.float32), steps=steps.astype(np.float32),
        kind=kind.astype(np.int8), words=words.astype(np.int8), measures=measures.astype(np.float32),
        roles=roles.astype(np.float16),
    )  # fmt: skip
    partial.replace(path)
    return path


def _padded(given: Asked) -> tuple[NDArray[Any], ...]:
    """A program's relations with room for MOST."""
    kind = np.full(MOST, NOTHING)
    words, measures = np.zeros((MOST, MOST_WORDS)), np.zeros((MOST, MEASURES))
    roles = np.zeros((MOST, len(board.KINDS), ROLES))
    count = len(given.kind)
    kind[:count], words[:count], measures[:count], roles[:count] = (
        given.kind, given.words, given.measures, given.roles,
    )  # fmt: skip
    return kind, words, measures, roles


_Row = tuple[NDArray[np.float32], int, Vector, Vector, float]


def _episode(rng: np.random.Generator) -> tuple[Step, list[_Row]]:
    """A program, and its boards from where it was asked until it is done or given up."""
    names = board.BLOCK_8 if rng.random() < 0.5 else random_names(rng)
    layout, start = draw_layout(rng, names)
    blocks: Blocks = {name: np.array(pose[:2]) for name, pose in layout.items()}
    step = draw_step(rng, blocks)
    boards = list(_played(step, blocks, np.array(start), rng))
    times = np.cumsum([0.0, *(took for *_, took in boards)])
    held = [float(np.mean([r.reward(here) >= 1.0 for r in step])) for here, *_ in boards]
    rows = []
    for k, (here, pusher, push, spot, wanted, _) in enumerate(boards):
        best = k + int(np.argmax(held[k:]))
        left = times[best] - times[k] + MISSED * (1.0 - held[best])
        rows.append((_state(rng, here, pusher), push, spot, wanted, float(left)))
    return step, rows


def _played(
    step: Step, blocks: Blocks, pusher: Vector, rng: np.random.Generator
) -> Iterator[tuple[Blocks, Vector, int, Vector, Vector, float]]:
    """Board by board: blocks, pusher, the next push, its place, all wanted places, steps that it takes."""
    arranging = Arranging()
    for left in reversed(range(MOST_PUSHES)):
        done = all(relation.reward(blocks) >= 1.0 for relation in step)
        arranged = arranging.of(step, blocks)
        chosen = None if done or arranged is None else arranged.next_push(rng)
        wanted = np.full((len(board.KINDS), 2), np.nan)
        for name, xy in ({} if arranged is None else arranged.wanted).items():
            wanted[board.KINDS.index(name)] = blocks[name] if done else xy
        if chosen is None or not left:
            yield blocks, pusher, NOTHING, np.zeros(2), wanted, 0.0
            return
        name, spot = chosen
        result = _carried_out(name, spot, blocks, pusher, rng)
        yield blocks, pusher, board.KINDS.index(name), spot, wanted, result.steps
        blocks, pusher = result.blocks, result.pusher


def _carried_out(name: str, spot: Vector, blocks: Blocks, pusher: Vector, rng: np.random.Generator) -> Pushed:
    if rng.random() < ASTRAY:
        name, spot = str(rng.choice(sorted(blocks))), rng.uniform(REACH_LOW, REACH_HIGH)
    return kept_on(push_to(blocks, pusher, name, spot + rng.normal(0, SLOPPY, 2), rng, SHORT))


def _state(rng: np.random.Generator, blocks: Blocks, pusher: Sequence[float] | Vector) -> NDArray[np.float32]:
    """Slots [17, 5]; blocks are turned any way."""
    poses = {k: (float(x), float(y), float(rng.uniform(-np.pi, np.pi))) for k, (x, y) in blocks.items()}
    return slots.from_poses(slots.pose_array(poses), np.asarray(pusher, np.float32))
