"""Upper bounds on what carries programs out: the script that it learned from, on boards as they truly are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from planner import Frames, StepsToGo
from tasks.tabletop.demos.arranged import Arranging
from tasks.tabletop.demos.demonstrator import Push, centers, run_push
from tasks.tabletop.demos.oracle import Style
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.language import parse, spot_words
from tasks.tabletop.world.world import World
from vlp.bench.tabletop.shown_simulator import ShownSimulator
from vlp.domains.tabletop.arranged_parts import Arranger

Way = Literal["arrangement", "played"]
MOST: Final = 600.0
"""Control steps told for a board from which the script does not get there in so many, or not at all."""


class TrueBoards:
    """Tells where blocks are by the simulator behind each frame (`vlp.domains.tabletop.SeesBlocks`)."""

    def __init__(self, video: ShownSimulator) -> None:
        self._video = video

    def blocks_of(self, frames: Frames) -> Sequence[dict[str, tuple[float, float]]]:
        """Frames uint8 [N, H, W, 3] to block name -> (x, y) metres, a dictionary a frame."""
        found = (centers(self._video.board(frame)) for frame in frames)
        return [{name: (float(xy[0]), float(xy[1])) for name, xy in blocks.items()} for blocks in found]


class TrueProgramValue:
    """A bound, never a default: control steps to go from the simulator's state behind each frame.

    Args:
        video: knows the states.
        arranger: on true boards.
        way: "arrangement": by how far blocks are from their places in it, which the script goes by;
            "played": as many as the script then takes in the simulator.
    """

    def __init__(self, video: ShownSimulator, arranger: Arranger, way: Way) -> None:
        self._video, self._arranger, self._way = video, arranger, way
        self._known: dict[tuple[int, bytes], float] = {}

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """Of each of `frames` uint8 [N, H, W, 3]; 0 exactly where the goal is reached; spread 0."""
        mean = np.array([self._of(frame) for frame in frames], np.float32)
        return StepsToGo(mean, np.zeros_like(mean))

    def _of(self, frame: Frames) -> float:
        goal, world = self._arranger.goal, self._video.board(frame)
        blocks = centers(world)
        if not set(goal.names) <= set(blocks):
            return MOST
        if goal.reward(blocks, world.target) >= 1.0:
            return 0.0
        if self._way == "arrangement":
            return 5.0 + self._arranger.steps(frame[None])[0]
        key = (goal.step, frame.tobytes())
        if key not in self._known:
            self._known[key] = played(world, goal, np.random.default_rng(0))
        return self._known[key]


def played(world: World, goal: ProgramGoal, rng: np.random.Generator) -> float:
    """Control steps that the script takes from a world as it stands to the goal's present step; MOST where it
    does not get there. The world is left where it came to."""
    arranging, steps = Arranging(), 0
    while steps < MOST:
        blocks = centers(world)
        if not set(goal.names) <= set(blocks):
            return MOST
        if all(relation.reward(blocks) >= 1.0 for relation in goal.now):
            return float(max(steps, 1))
        arranged = arranging.of(goal.now, blocks)
        chosen = None if arranged is None else arranged.next_push(rng)
        if chosen is None:
            return MOST
        push = Push.begin(parse(spot_words(*chosen)), blocks, Style.sample(rng))
        steps += 1 + sum(1 for _ in run_push(world, push, rng))
    return MOST
