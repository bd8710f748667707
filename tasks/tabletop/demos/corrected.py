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

from tasks.tabletop.demos.acting import Attempt, CorrectedPolicy, Frame, act, outcome
from tasks.tabletop.demos.collect import StepRecorder, feasible, write
from tasks.tabletop.demos.demonstrator import Noise, Push, centers, choose, run_long, run_push
from tasks.tabletop.demos.lerobot_write import RecordedEpisode
from tasks.tabletop.demos.oracle import Style
from tasks.tabletop.goals import LONG_TASKS
from tasks.tabletop.goals.base import LongTask
from tasks.tabletop.goals.families import FAMILIES
from tasks.tabletop.language import canonical
from tasks.tabletop.world import board
from tasks.tabletop.world.layout import (
    HIGH,
    LOW,
    WIDE_HIGH,
    WIDE_LOW,
    Corner,
    random_layout,
    random_names,
)
from tasks.tabletop.world.world import World

CORRECTED: Final = "corrected"
"""What such an episode's source is called."""
CORRECTED_LONG: Final = "corrected-long"
"""The same, all of them on the way to a long task."""
CORRECTED_LOST: Final = "corrected-lost"
"""The same, and only from where the policy was about to push a block off the board."""
KINDS: Final = (CORRECTED, CORRECTED_LONG, CORRECTED_LOST)
TAKEN: Final = 6
"""Places at most from which the expert takes over, where no block was lost."""
EASY: Final = 2
"""Of these, where the policy, told words alone, did what they say: it has to learn what to do where it stands
still before a block."""
SHOWN: Final = 0.6
"""Share of the pushes in which the policy is shown what the expert would bring about."""
LONG: Final = 0.4
"""Share of boards on the way to a long task."""
OWN: Final = 0.8
"""Share of these on which the policy itself got there: it leaves behind what an expert seldom does."""
PUSHES: Final = 16
"""Pushes of a long task in which the policy may lose a block."""
LOOKS: Final = 2
"""Control steps until it looks again then, as where it is used."""
EDGE: Final = 0.5
"""Share of boards whose blocks lie up to the edge, where pushes that went wrong leave them."""


def collect_corrected(
    out: Path,
    policy: CorrectedPolicy,
    *,
    episodes: int,
    first_seed: int = 0,
    shown: float = SHOWN,
    families: Sequence[str] = (),
    long: float = LONG,
    lost: bool = False,
    progress: Callable[[RecordedEpisode], object] | None = None,
) -> int:
    """Write `episodes` corrections to a new dataset folder, those of first_seed, first_seed + 1 and so on;
    how many there are. `shown` is 0 for a policy that heeds words alone; `families` are of single pushes,
    none: all, and a share `long` on the way to long tasks; with `lost` only from where the policy, told words
    on the way to a long task, was about to push a block off the board. Raises DatasetError for a folder that
    is in use or cannot be written."""
    found = chain.from_iterable(
        correct(seed, policy, shown, families, long, lost) for seed in count(first_seed)
    )
    return write(out, islice(found, episodes), progress)


def correct(
    seed: int,
    policy: CorrectedPolicy,
    shown: float = SHOWN,
    families: Sequence[str] = (),
    long: float = LONG,
    lost: bool = False,
) -> Iterator[RecordedEpisode]:
    """Demonstrations from where the policy got on the board of a seed: always the same for both."""
    rng = np.random.default_rng(seed)
    world = World()
    try:
        found = _losing(world, rng, policy) if lost else _once(world, rng, policy, shown, families, long)
        if found is None:
            return
        push, wanted, acted = found
        for place in acted.taken(EASY if acted.there and wanted is None else TAKEN, rng):
            world.restore(place)
            recorder = StepRecorder(world, rng, Noise())
            again = replace(push, style=Style.sample(rng), steps=0)
            recorder.run(again)
            # What an expert cannot mend either teaches nothing. Where all is done, one that is shown the goal
            # learns to rest; one that is told it would rest just short of it.
            if again.done and (again.steps or wanted is not None) and not world.lost():
                yield recorder.episode(canonical(push.instruction), True, CORRECTED)
    finally:
        world.close()


_Found = tuple[Push, Frame | None, Attempt]
"""What was asked, what it was shown of that and how the policy went on."""


def _once(
    world: World,
    rng: np.random.Generator,
    policy: CorrectedPolicy,
    shown: float,
    families: Sequence[str],
    long: float,
) -> _Found | None:
    if (push := _begun(world, rng, families, policy, long)) is None:
        return None
    wanted = outcome(world, push, rng) if rng.random() < shown else None
    return push, wanted, act(world, push, policy, wanted, _seldom(rng))


def _losing(world: World, rng: np.random.Generator, policy: CorrectedPolicy) -> _Found | None:
    """The push of a long task, told in words, in which the policy loses a block, if it does."""
    for push in islice(run_long(world, _long_board(world, rng), rng), PUSHES):
        push.settle(centers(world))
        if (acted := act(world, push, policy, None, LOOKS)).lost:
            return push, None, acted
        push.done = acted.there
    return None


def _seldom(rng: np.random.Generator) -> int:
    """Control steps until the policy looks again, where it is to go wrong in many ways."""
    return int(rng.integers(2, 7))


def _long_board(world: World, rng: np.random.Generator) -> LongTask:
    low, high = _corners(rng)
    world.place(*random_layout(rng, board.BLOCK_8, low=low, high=high))
    world.step(world.target)
    return LONG_TASKS[int(rng.integers(len(LONG_TASKS)))]


def _corners(rng: np.random.Generator) -> tuple[Corner, Corner]:
    return (WIDE_LOW, WIDE_HIGH) if rng.random() < EDGE else (LOW, HIGH)


def _begun(
    world: World,
    rng: np.random.Generator,
    families: Sequence[str],
    policy: CorrectedPolicy,
    long: float,
) -> Push | None:
    """A push on a random board, or on one on the way to a long task, whose last pushes are played."""
    if families or rng.random() >= long:
        low, high = _corners(rng)
        world.place(*random_layout(rng, random_names(rng), low=low, high=high))
        world.step(world.target)
        return next(feasible(world, rng, families or FAMILIES), None)
    task = _long_board(world, rng)
    own = rng.random() < OWN
    for _ in range(int(rng.integers(8))):
        push = _next(world, task, rng)
        if push is None:
            return None
        if own:
            act(world, push, policy, None, _seldom(rng))
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
    push = Push.begin(chosen.instruction, centers(world), Style.sample(rng), chosen.spot)
    return push.settle(centers(world))
