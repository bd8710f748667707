"""What Meta-World's camera tells: there is no eye for things, only what the learned models say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from executors.metaworld.robot import LIMITS
from planner import Frames
from tasks.domain import Language, Scene, UnknownInstruction, UnsoundSubgoal
from tasks.metaworld.catalog import TASKS, SawyerTask, understand
from vlp.models.choose import SuccessJudge

CHANGED: Final = 0.02
"""Share of full brightness by which two pictures differ, on average, where something has moved."""


def check_subgoal(words: str) -> None:
    """Raises ValueError for words that are no task."""
    try:
        understand(words)
    except UnknownInstruction as error:
        raise ValueError(str(error)) from None


def _sound(words: str, names: object) -> str:
    try:
        return understand(words).text
    except UnknownInstruction as error:
        raise UnsoundSubgoal(str(error)) from None


LANGUAGE: Final = Language(
    system="You guide a robot's arm above a table, seen from a corner of the room.",
    forms="\n".join(f"- {task.text}" for task in TASKS),
    act="move",
    acts="moves",
    steps=48,
    scene="table",
    things="things",
    state="a table with an arm",
    sees=lambda frames: [[] for _ in frames],
    sound=_sound,
    every=lambda names: tuple(task.text for task in TASKS),
    mentioned=lambda words: (),
)


class SawyerSight:
    """See tasks.domain.Sight.

    Args:
        judge: the VLM that was learned with these weights; None: nobody tells that a task is done, and the
            agent goes on until its control steps are over.
    """

    def __init__(self, judge: SuccessJudge | None = None) -> None:
        self._judge = judge

    def scene(self, frame: Frames) -> Scene:
        """Nothing is named."""
        return {}

    def understand(self, words: str, scene: Scene) -> SawyerTask:
        """See Sight."""
        return understand(words)

    def check_subgoal(self, words: str) -> None:
        """See Sight."""
        check_subgoal(words)

    def reached(self, goal: Any, observation: Mapping[str, Any], *, surely: bool) -> bool:
        """As the learned VLM sees it; never by the simulator's word."""
        if self._judge is None:
            return False
        return self._judge.success(np.asarray(observation["rgb"]), goal.text).reached

    def look_closer(self, goal: Any, observation: Mapping[str, Any]) -> bool | None:
        """Nobody does."""
        return None

    def moved(self, before: Frames, now: Frames) -> str:
        """See Sight: by pixels."""
        far = _apart(before, now)
        return f"the picture changed by {far:.1%}" if far > CHANGED else ""

    def distinct(self, frames: Frames) -> list[int]:
        """See Sight: by pixels."""
        found: list[int] = []
        for i in range(len(frames)):
            if all(_apart(frames[i], frames[j]) > CHANGED for j in found):
                found.append(i)
        return found

    def changes(self, before: Frames, after: Frames) -> list[str]:
        """See Sight: by pixels."""
        return [f"the picture changes by {_apart(*pair):.1%}" for pair in zip(before, after, strict=True)]

    def target(self, frame: Frames) -> NDArray[np.float32]:
        """Nobody sees where the set point is: the middle of its bounds."""
        return np.asarray((np.array(LIMITS.low) + np.array(LIMITS.high)) / 2, np.float32)


def _apart(one: Frames, other: Frames) -> float:
    return float(np.abs(one.astype(np.int16) - other.astype(np.int16)).mean() / 255)
