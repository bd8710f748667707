"""Corrections: demonstrations that begin where a policy got by itself (DAgger: Ross, Gordon and Bagnell,
2011; with the expert taking over, as in Kelly et al., "HG-DAgger", 2019).

What an expert does from there is what the policy has to learn, and since the expert really does it, actions
and pictures belong together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, count, islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.demos.collect import StepRecorder, feasible, write
from tasks.tabletop.demos.demonstrator import Noise, Push, centers, choose, run_push
from tasks.tabletop.demos.lerobot_write import RecordedEpisode
from tasks.tabletop.demos.oracle import Style
from tasks.tabletop.goals import LONG_TASKS
from tasks.tabletop.goals.base import LongTask
from tasks.tabletop.goals.families import FAMILIES
from tasks.tabletop.language import canonical
from tasks.tabletop.world import board
from tasks.tabletop.world.layout import random_layout, random_names
from tasks.tabletop.world.world import Snapshot, World

CORRECTED: Final = "corrected"
"""What such an episode's source is called."""
CORRECTED_LONG: Final = "corrected-long"
"""The same, all of them on the way to a long task."""
STEPS: Final = 80
"""Control steps at most for which the policy acts."""
TAKEN: Final = 6
"""Places at most from which the expert takes over."""
EASY: Final = 2
"""Of these, where the policy, told words alone, did what they say: it has to learn what to do where it stands
still before a block."""
SHOWN: Final = 0.6
"""Share of the pushes in which the policy is shown what the expert would bring about."""
LONG: Final = 0.4
"""Share of boards on the way to a long task."""
OWN: Final = 0.8
"""Share of these on which the policy itself got there: it leaves behind what an expert seldom does."""
_LOW, _HIGH = (np.array([low, high]) for low, high in zip(board.EFFECTOR_X, board.EFFECTOR_Y, strict=True))


Frame = NDArray[np.uint8]
CorrectedPolicy = Callable[[Frame, Frame | None, str], NDArray[np.float32]]
"""From a frame now and a frame wanted, uint8 [H, W, 3] each, the second None where words alone are told, and
words to actions float32 [k, 2]."""


def collect_corrected(
    out: Path,
    policy: CorrectedPolicy,
    *,
    episodes: int,
    first_seed: int = 0,
    shown: float = SHOWN,
    families: Sequence[str] = (),
    long: float = LONG,
    progress: Callable[[RecordedEpisode], object] | None = None,
) -> int:
    """Write `episodes` corrections to a new dataset folder, those of first_seed, first_seed + 1 and so on;
    how many there are. `shown` is 0 for a policy that heeds words alone; `families` are of single pushes,
    none: all, and a share `long` on the way to long tasks. Raises DatasetError for a folder that is in use or
    cannot be written."""
    found = chain.from_iterable(correct(seed, policy, shown, families, long) for seed in count(first_seed))
    return write(out, islice(found, episodes), progress)


def correct(
    seed: int,
    policy: CorrectedPolicy,
    shown: float = SHOWN,
    families: Sequence[str] = (),
    long: float = LONG,
) -> Iterator[RecordedEpisode]:
    """Demonstrations from where the policy got on the board of a seed: always the same for both."""
    rng = np.random.default_rng(seed)
    world = World()
    try:
        if (push := _begun(world, rng, families, policy, long)) is None:
            return
        wanted = _outcome(world, push, rng) if rng.random() < shown else None
        places, there = _acted(world, push, policy, wanted, rng)
        for k in sorted(rng.permutation(len(places))[: EASY if there and wanted is None else TAKEN]):
            world.restore(places[k])
            recorder = StepRecorder(world, rng, Noise())
            again = replace(push, style=Style.sample(rng), steps=0)
            recorder.run(again)
            # What an expert cannot mend either teaches nothing. Where all is done, one that is shown the goal
            # learns to rest; one that is told it would rest just short of it.
            if again.done and (again.steps or wanted is not None):
                yield recorder.episode(canonical(push.instruction), True, CORRECTED)
    finally:
        world.close()


def _begun(
    world: World,
    rng: np.random.Generator,
    families: Sequence[str],
    policy: CorrectedPolicy,
    long: float,
) -> Push | None:
    """A push on a random board, or on one on the way to a long task, whose last pushes are played."""
    if families or rng.random() >= long:
        world.place(*random_layout(rng, random_names(rng)))
        world.step(world.target)
        return next(feasible(world, rng, families or FAMILIES), None)
    world.place(*random_layout(rng, board.BLOCK_8))
    world.step(world.target)
    task = LONG_TASKS[int(rng.integers(len(LONG_TASKS)))]
    own = rng.random() < OWN
    for _ in range(int(rng.integers(8))):
        push = _next(world, task, rng)
        if push is None:
            return None
        if own:
            _acted(world, push, policy, None, rng)
        else:
            for _ in run_push(world, push, rng):
                pass
    return _next(world, task, rng)


def _next(world: World, task: LongTask, rng: np.random.Generator) -> Push | None:
    if world.lost():
        return None
    subgoals = task.subgoals(centers(world))
    if not subgoals:
        return None
    chosen = choose(subgoals, rng)
    return Push.begin(chosen.instruction, centers(world), Style.sample(rng), chosen.spot)


def _outcome(world: World, push: Push, rng: np.random.Generator) -> Frame:
    """What is seen once the expert did a push; the board is as before then."""
    before = world.save()
    own = replace(push, steps=0)
    for _ in run_push(world, own, rng):
        pass
    seen = world.render()
    world.restore(before)
    return seen


def send(world: World, action: NDArray[np.float32]) -> None:
    """One control step of an action [2], as far as a robot may go."""
    moved = np.clip(action, -board.MAX_DELTA, board.MAX_DELTA)
    world.step(np.clip(np.array(world.target) + moved, _LOW, _HIGH))


def _acted(
    world: World,
    push: Push,
    policy: CorrectedPolicy,
    wanted: Frame | None,
    rng: np.random.Generator,
) -> tuple[list[Snapshot], bool]:
    """Where the policy gets, every few control steps, until it is there or a block is lost, and whether it is
    there at the end. Shown a goal it is to stay there, and goes on."""
    places: list[Snapshot] = []
    there = False
    every, words = int(rng.integers(2, 7)), canonical(push.instruction)
    asked = set(push.instruction.blocks())
    for _ in range(STEPS // every):
        for action in policy(world.render(), wanted, words)[:every]:
            send(world, action)
        blocks = centers(world)
        there = asked <= set(blocks) and push.finished(blocks, np.array(world.target))
        if not asked <= set(blocks) or (there and wanted is None):
            break
        places.append(world.save())
    return places, there
