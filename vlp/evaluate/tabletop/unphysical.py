"""A board without physics as a planner's world: pictures are the numbers of states, and clips play pushes.

So thousands of searches can be made by the planner's own search, with a video model that is right about
everything but chance (see `tasks.tabletop.demos.kinematic`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner import Frames, StepsToGo, Value
from tasks.tabletop.demos.kinematic import Blocks, Pushed, Vector, carry_out
from tasks.tabletop.demos.played import kept_on
from tasks.tabletop.goals.base import Subgoal
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.language import parse
from tasks.tabletop.seeing import slots
from vlp.domains.tabletop.arranged_parts import Arranger

SURELY_NOT = 5.0
"""The least told of a board that is not done: at fewer a search takes it for done."""


@dataclass(frozen=True)
class BoardState:
    """A board."""

    blocks: Blocks
    pusher: Vector
    """[2] metres."""


def pushed(state: BoardState, text: str, seed: int) -> Pushed:
    """A push in words carried out, a little other with each seed."""
    rng = np.random.default_rng(seed)
    return kept_on(carry_out(Subgoal(parse(text), None, 0.0), state.blocks, state.pusher, rng))


class States:
    """Which state a picture stands for: an eye, what sees blocks, and a video model of T = 1."""

    def __init__(self) -> None:
        self._known: list[BoardState] = []

    def picture(self, state: BoardState) -> Frames:
        """Of a state, uint8 [1, 4, 3]."""
        self._known.append(state)
        number = np.frombuffer(len(self._known).to_bytes(12, "big"), np.uint8)
        return number.reshape(1, 4, 3)

    def state(self, frame: Frames) -> BoardState:
        """Of a picture that was made here."""
        return self._known[int.from_bytes(frame.tobytes(), "big") - 1]

    def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> Frames:
        """See planner.VideoModel; uint8 [N, 1, 1, 4, 3]."""
        clips = []
        for frame, text, seed in zip(frames, subgoals, seeds, strict=True):
            found = pushed(self.state(frame), text, seed)
            clips.append(self.picture(BoardState(found.blocks, found.pusher))[None])
        return np.stack(clips)

    def blocks_of(self, frames: Frames) -> list[dict[str, tuple[float, float]]]:
        """See vlp.domains.tabletop.arranged_parts.SeesBlocks."""
        boards = (self.state(frame).blocks for frame in frames)
        return [{name: (float(xy[0]), float(xy[1])) for name, xy in blocks.items()} for blocks in boards]

    def see(self, frames: Frames) -> NDArray[np.float32]:
        """Slots [N, 17, 5] as a perfect encoder would see them; nobody counts how they are turned."""
        rows = []
        for state in map(self.state, frames):
            poses = {name: (float(xy[0]), float(xy[1]), 0.0) for name, xy in state.blocks.items()}
            rows.append(slots.from_poses(slots.pose_array(poses), state.pusher.astype(np.float32)))
        return np.stack(rows)


class KnowsTheEnd:
    """A value that tells 0 exactly where the goal is reached."""

    def __init__(self, value: Value, states: States, goal: ProgramGoal) -> None:
        self._value, self._states, self._goal = value, states, goal

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """See planner.Value."""
        told = self._value.steps_to_go(frames, goal)
        done = [self.over(self._states.state(frame)) for frame in frames]
        return StepsToGo(
            np.where(done, 0.0, np.maximum(told.mean, SURELY_NOT)).astype(np.float32), told.spread
        )

    def over(self, state: BoardState) -> bool:
        """Whether the goal is reached."""
        return self._goal.reward(state.blocks, state.pusher.tolist()) >= 1.0


class ArrangementValue:
    """The script's steps-to-go, by how far blocks are from their places in its arrangement."""

    def __init__(self, arranger: Arranger) -> None:
        self._arranger = arranger

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """See planner.Value."""
        mean = np.array(self._arranger.steps(frames), np.float32)
        return StepsToGo(mean, np.zeros_like(mean))
