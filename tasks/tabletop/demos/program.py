"""Programs of relations demonstrated with pictures, in the physics and as time lapses.

An episode's task is the program in plain words. Each push is told as what it does for a relation (into an
area, next to a block, to a side of one), in the words of single pushes, where it does just that and is all
that is left of the block's way; other pushes are told by the spot that they go to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np

from tasks.tabletop.demos.arranged import OFF, Arranged, Arranging, Vector
from tasks.tabletop.demos.beginnings import draw_layout
from tasks.tabletop.demos.collect import StepRecorder, drawn_noise, write
from tasks.tabletop.demos.demonstrator import INSIDE, Push, centers
from tasks.tabletop.demos.kinematic import Blocks, carry_out
from tasks.tabletop.demos.lerobot_write import RecordedEpisode
from tasks.tabletop.demos.oracle import Style
from tasks.tabletop.demos.sentences import sentence
from tasks.tabletop.demos.timelapse import FPS, Timelapse
from tasks.tabletop.goals import families
from tasks.tabletop.goals.base import Subgoal
from tasks.tabletop.goals.goal import understand
from tasks.tabletop.goals.program import ProgramGoal, Step
from tasks.tabletop.goals.push import JOINED, fixed_fields, succeeded
from tasks.tabletop.goals.relations import InArea, Near, Relation, Side, Together
from tasks.tabletop.language import canonical
from tasks.tabletop.language.instruction import AREAS, Instruction
from tasks.tabletop.world import board
from tasks.tabletop.world.layout import random_names
from tasks.tabletop.world.world import World

PROGRAM: Final = "program"
"""What such an episode's source is called."""
TIMELAPSE_PROGRAM: Final = "timelapse-program"
RELATIONS: Final = 2
"""Of a program at most: what is read of a goal is a sentence."""
FEWEST: Final = 3
"""Blocks of a board: some relations are of so many."""
MOST_PUSHES: Final = 12
TO_A_SPOT: Final = ("block2spot", "block2area")
"""Pushes that go where the arrangement says; others go where their words say."""
EDGES: Final = np.add(np.transpose([board.BOARD_X, board.BOARD_Y]), [[0.006], [-0.006]])
"""Metres, low and high: spots that can be said, also when they are rounded to a centimetre."""
BESIDE: Final = 0.06
"""Metres from where a block is to be within which a push to a side of another one brings it there."""
IN_PLACE: Final = 0.005
"""Metres from the place that is wanted within which a push goes all the way."""


def collect_programs(
    out: Path,
    *,
    episodes: int,
    first_seed: int = 0,
    physics: bool = True,
    progress: Callable[[RecordedEpisode], object] | None = None,
) -> int:
    """Write `episodes` to a new dataset folder, episode i a function of first_seed + i and `physics` alone;
    how many of them succeeded. Without physics they are time lapses, two pictures a second. Raises
    DatasetError for a folder that is in use or cannot be written."""
    seeds = range(first_seed, first_seed + episodes)
    if physics:
        return write(out, map(demonstrated, seeds), progress)
    world = World()
    try:
        return write(out, (lapsed(world, seed) for seed in seeds), progress, fps=FPS)
    finally:
        world.close()


def demonstrated(seed: int) -> RecordedEpisode:
    """An episode in the physics of a world of its own, always the same for a seed."""
    rng, world = np.random.default_rng(seed), World()
    try:
        world.place(*draw_layout(rng, _names(rng)))
        world.step(world.target)
        recording = StepRecorder(world, rng, drawn_noise(rng))
        goal = _goal(rng, centers(world))
        for arranged, name, spot in _pushes(goal, lambda: centers(world), rng):
            recording.run(Push.begin(worded(arranged, name, spot), arranged.blocks, Style.sample(rng), spot))
        return recording.episode(goal.plain, _holds(goal.now, centers(world)), PROGRAM)
    finally:
        world.close()


def lapsed(world: World, seed: int) -> RecordedEpisode:
    """A time lapse, always the same for a seed. Where nothing can be done, another one is drawn."""
    for again in count():
        rng = np.random.default_rng((seed, again))
        layout, start = draw_layout(rng, _names(rng))
        blocks = {name: np.array(pose[:2]) for name, pose in layout.items()}
        film = Timelapse(world, rng, blocks, np.array(start))
        goal, done = _goal(rng, blocks), True
        for arranged, name, spot in _pushes(goal, partial(_seen, film), rng):
            said = worded(arranged, name, spot)
            chosen = spot if said.family in TO_A_SPOT else None
            result = carry_out(Subgoal(said, chosen, 0.0), film.blocks, film.pusher, rng)
            film.push(name, result, canonical(said), partial(_holds, goal.now))
            done = result.done
            if not done:
                break
        if film.rgb:
            return film.episode(goal.plain, done and _holds(goal.now, film.blocks), TIMELAPSE_PROGRAM)
    raise AssertionError


def _names(rng: np.random.Generator) -> Sequence[str]:
    """Blocks of a board, enough for any relation."""
    names = random_names(rng)
    return names if rng.random() < 0.5 and len(names) >= FEWEST else board.BLOCK_8


def _goal(rng: np.random.Generator, blocks: Blocks) -> ProgramGoal:
    """What a sentence asks."""
    goal = understand(sentence(rng, blocks, RELATIONS), blocks)
    assert isinstance(goal, ProgramGoal)
    return goal


def _seen(film: Timelapse) -> Blocks:
    return film.blocks


def _holds(step: Step, blocks: Blocks) -> bool:
    return all(relation.reward(blocks) >= 1.0 for relation in step)


def _pushes(
    goal: ProgramGoal, seen: Callable[[], Blocks], rng: np.random.Generator
) -> Iterator[tuple[Arranged, str, Vector]]:
    """The next push on what is then seen, until all holds, a block is lost or nothing can be done."""
    arranging = Arranging()
    for _ in range(MOST_PUSHES):
        blocks = seen()
        if not set(goal.names) <= set(blocks) or _holds(goal.now, blocks):
            return
        arranged = arranging.of(goal.now, blocks)
        chosen = None if arranged is None else arranged.next_push(rng)
        if arranged is None or chosen is None:
            return
        yield arranged, *chosen


def worded(arranged: Arranged, name: str, spot: Vector) -> Instruction:
    """A push of a block to `spot` [2] metres, in words."""
    if _gap(arranged.wanted[name], spot) < IN_PLACE:
        there = {**arranged.blocks, name: spot}
        for relation in arranged.relations:
            for said in _told(relation, name, there):
                task = fixed_fields(said, arranged.blocks)
                if not succeeded(said.family, task, arranged.blocks, np.zeros(2)):
                    return said
    exact = 1 if arranged.least < OFF else 0
    on_board = np.clip(spot, *EDGES)
    x, y = (f"{round(100 * float(value), exact) + 0.0:.{exact}f}" for value in on_board)
    return Instruction("block2spot", {"block": name, "spot": f"{x},{y}"})


def _told(relation: Relation, name: str, there: Blocks) -> Iterator[Instruction]:
    """What brings a block for a relation to about where it is to be."""
    match relation:
        case InArea(who=who, area=area) if name in who and area in AREAS:
            if families.deep_in_area(area, there[name], INSIDE):
                yield Instruction("block2area", {"block": name, "area": area})
        case Near(who=who, others=others) if name in who:
            yield from _beside(name, others, there)
        case Together(who=who) if name in who:
            yield from _beside(name, who, there)
        case Side(who=who, others=(other,), direction=direction) if name in who:
            fields = {"block": name, "target_block": other, "direction": direction}
            said = Instruction("block2block_relative_location", fields)
            if _gap(families.goal(said, {}, there), there[name]) < BESIDE:
                yield said


def _beside(name: str, others: tuple[str, ...], there: Blocks) -> Iterator[Instruction]:
    """Next to one of these that it is to be near, the nearest first."""
    near = {other: _gap(there[other], there[name]) for other in others if other in there and other != name}
    for other in sorted(near, key=lambda one: near[one]):
        if near[other] < JOINED:
            yield Instruction("block2block", {"start_block": name, "target_block": other})


def _gap(one: Vector, other: Vector) -> float:
    return float(np.hypot(*(one - other)))
