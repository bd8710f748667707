"""Pushes and long tasks played without physics, a picture every half second: what is next, and when it is
done, on far more boards than could be demonstrated in the time.

See `kinematic` for how blocks go. Where something goes wrong an episode ends, as a failure; see `left_behind`
for the boards that long tasks begin from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.demos.beginnings import draw_layout, draw_names, draw_row, draw_task
from tasks.tabletop.demos.collect import write
from tasks.tabletop.demos.demonstrator import Push, choose, settled
from tasks.tabletop.demos.kinematic import Blocks, Pushed, Vector, approached, carry_out, reach, shoved_out
from tasks.tabletop.demos.left_behind import complete, left_behind
from tasks.tabletop.demos.lerobot_write import RecordedEpisode
from tasks.tabletop.demos.oracle import Style
from tasks.tabletop.goals import LONG_TASKS, families
from tasks.tabletop.goals.base import LongTask, Subgoal
from tasks.tabletop.language import canonical, phrase
from tasks.tabletop.seeing.slots import pose_array
from tasks.tabletop.world import board
from tasks.tabletop.world.layout import random_names
from tasks.tabletop.world.world import World

TIMELAPSE: Final = "timelapse"
"""What such an episode's source is called."""
FPS: Final = 2
_STEPS: Final = board.CONTROL_HZ / FPS
"""Control steps from a picture to the next."""
_MOST: Final = 14
"""Pushes of an episode at most."""
_SINGLE: Final = 0.8
"""Share of episodes that are a single push."""
_HARD: Final = 0.4
"""Share of long tasks that are the likelier the harder they are."""
_TURNS: Final = 8.0
"""Radians by which a block turns on a metre, standard deviation."""


def collect_timelapse(
    out: Path,
    *,
    episodes: int,
    first_seed: int = 0,
    progress: Callable[[RecordedEpisode], object] | None = None,
) -> int:
    """Write `episodes` to a new dataset folder, episode i a function of first_seed + i alone; how many of
    them succeeded. Raises DatasetError for a folder that is in use or cannot be written."""
    world = World()
    try:
        seeds = range(first_seed, first_seed + episodes)
        return write(out, (timelapse(world, seed) for seed in seeds), progress, fps=FPS)
    finally:
        world.close()


def timelapse(world: World, seed: int, single: float = _SINGLE) -> RecordedEpisode:
    """An episode, always the same for a seed and the share of single pushes. Where nothing can be done on a
    board, another one is drawn."""
    for again in count():
        rng = np.random.default_rng((seed, again))
        found = _push(world, rng) if rng.random() < single else _long(world, rng)
        if found is not None:
            return found
    raise AssertionError


def some_task(rng: np.random.Generator) -> LongTask:
    """One of them, hard ones oftener."""
    return draw_task(rng) if rng.random() < _HARD else LONG_TASKS[int(rng.integers(len(LONG_TASKS)))]


def _long(world: World, rng: np.random.Generator) -> RecordedEpisode | None:
    task = some_task(rng)
    layout, pusher = draw_layout(rng, draw_names(rng), draw_row(rng, task))
    blocks, at = left_behind(task, _centers(layout), np.array(pusher), rng)
    film = Timelapse(world, rng, blocks, at)
    if not (done := list(played(task, film))):
        return None
    return film.episode(task.instruction, all(done) and complete(task, film.blocks))


def _push(world: World, rng: np.random.Generator) -> RecordedEpisode | None:
    """One of any family; it succeeded if its rule says so."""
    layout, pusher = draw_layout(rng, random_names(rng))
    film = Timelapse(world, rng, _centers(layout), np.array(pusher))
    instruction = families.draw(str(rng.choice(families.FAMILIES)), rng, film.blocks)
    push = Push.begin(instruction, film.blocks, Style.sample(rng))
    if push.succeeded(film.blocks, film.pusher) or not families.feasible(instruction, push.task, film.blocks):
        return None
    name, words = families.pushed(instruction), phrase(instruction, sorted(film.blocks), rng)
    if name is None:
        result = reach(film.blocks, film.pusher, str(instruction.fields["block"]))
    else:
        result = carry_out(Subgoal(instruction, push.spot, 0.0), film.blocks, film.pusher, rng)
    film.push(name, result, canonical(instruction), lambda blocks: push.succeeded(blocks, film.pusher))
    return film.episode(words, push.succeeded(film.blocks, film.pusher))


def _centers(poses: Mapping[str, Sequence[float]]) -> Blocks:
    return {name: np.array(pose[:2]) for name, pose in poses.items()}


def played(task: LongTask, film: Timelapse) -> Iterator[bool]:
    """Push by push to the end, or until one fails; whether each one did what was asked."""
    for _ in range(_MOST):
        if complete(task, film.blocks) or not (subgoals := task.subgoals(film.blocks)):
            return
        chosen = settled(choose(subgoals, film.rng), film.blocks)
        name = families.pushed(chosen.instruction)
        result = carry_out(chosen, film.blocks, film.pusher, film.rng)
        film.push(name, result, canonical(chosen.instruction), partial(complete, task))
        yield result.done
        if not result.done:
            return


@dataclass
class Timelapse:
    """Pictures of a board on which blocks are moved by hand."""

    world: World
    rng: np.random.Generator
    blocks: Blocks
    pusher: Vector
    yaw: dict[str, float] = field(default_factory=dict)
    rgb: list[NDArray[Any]] = field(default_factory=list)
    poses: list[NDArray[Any]] = field(default_factory=list)
    at: list[Vector] = field(default_factory=list)
    subgoal: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.yaw = {name: float(self.rng.uniform(-np.pi, np.pi)) for name in self.blocks}

    def push(
        self,
        name: str | None,
        result: Pushed,
        words: str,
        over: Callable[[Blocks], bool] = lambda blocks: False,
    ) -> None:
        """See a push of a block, or of none, from where all is to its result, both included.

        Args:
            over: whether nothing is left to do, so that nothing is seen from there on but the end: of every
                picture but an episode's last it is known that something is to be done yet, and the last is
                no close call.
        """
        before, pusher, yaw = self.blocks, self.pusher, dict(self.yaw)
        begin, share = result.pusher, 1.0
        if name is not None:
            begin, share = approached(before[name], pusher, result, name)
        turned = {
            other: float(self.rng.normal(0, _TURNS * np.linalg.norm(xy - before[other])))
            for other, xy in result.blocks.items()
        }
        last = max(1, round(result.steps / _STEPS) - 1)
        for when in np.arange(last + 1) / last:
            way = max(0.0, (when - share) / max(1e-9, 1 - share))
            self.blocks = {other: (1 - way) * before[other] + way * xy for other, xy in result.blocks.items()}
            self.yaw = {other: yaw[other] + way * turn for other, turn in turned.items()}
            on_way = pusher + min(1.0, when / max(share, 1e-9)) * (begin - pusher)
            self.pusher = on_way if when < share else (1 - way) * begin + way * result.pusher
            if when == 1 or not over(self.blocks):
                self._see(words)
        self.pusher = result.pusher

    def _see(self, words: str) -> None:
        at = shoved_out(self.pusher, self.blocks)
        poses = {n: (float(xy[0]), float(xy[1]), self.yaw[n]) for n, xy in self.blocks.items()}
        self.world.place(poses, at.tolist())
        self.add(self.world.render(), pose_array(poses), at, words)

    def add(self, rgb: NDArray[Any], poses: NDArray[Any], at: Vector, words: str) -> None:
        """A picture uint8 [H, W, 3], poses as `pose_array` tells them, where the pusher is [2], and what is
        next."""
        self.rgb.append(rgb)
        self.poses.append(poses)
        self.at.append(at)
        self.subgoal.append(words)

    def episode(self, instruction: str, success: bool, source: str = TIMELAPSE) -> RecordedEpisode:
        """What was seen. The actions are the way of the pusher from a picture to the next."""
        at = np.array([*self.at, self.at[-1]], np.float32)
        return RecordedEpisode(
            rgb=np.stack(self.rgb), effector=at[:-1], effector_target=at[:-1], action=np.diff(at, axis=0),
            blocks=np.stack(self.poses), instruction=instruction, subgoal=tuple(self.subgoal),
            success=success, source=source if success else "failure",
        )  # fmt: skip
