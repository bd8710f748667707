"""What Meta-World's camera tells: there is no eye for things, only what the learned models say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

import numpy as np

from executors.metaworld.robot import LIMITS
from planner import Frames
from tasks.domain import Language, Scene, UnknownInstruction, UnsoundSubgoal
from tasks.metaworld.catalog import TASKS, SawyerTask, understand
from vlp.errors import WeightsError
from vlp.latent.imagination import Imagination
from vlp.latent.sight import LatentSight
from vlp.vlm.latent.vlm import LatentVLM

SURE: Final = 0.9
"""Chance of success at which a task is surely done; half of it is what seems so."""


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


class SawyerSight(LatentSight):
    """See vlp.latent.sight.LatentSight. Without a learned VLM nobody tells that a task is done, and the agent
    goes on until its control steps are over; the simulator's word is never taken for it.

    Args:
        imagination: the learned models.
    """

    def __init__(self, imagination: Imagination) -> None:
        super().__init__(cast(LatentVLM, imagination.vlm), LIMITS.size)  # it is asked in `reached` alone
        self._imagination = imagination

    def scene(self, frame: Frames) -> Scene:
        """Nothing is named. Raises WeightsError for a picture of another camera, or another world's."""
        if not self._imagination.knows(frame):
            raise WeightsError(
                "models: expected weights that were trained on this camera's pictures, got others: they draw "
                "what it shows worse than a single colour does; train on this world's data, or longer"
            )
        return {}

    def understand(self, words: str, scene: Scene) -> SawyerTask:  # type: ignore[override]  # a goal, too
        """See Sight."""
        return understand(words)

    def check_subgoal(self, words: str) -> None:
        """See Sight."""
        check_subgoal(words)

    def reached(self, goal: Any, observation: Mapping[str, Any], *, surely: bool) -> bool:
        """As the learned VLM sees it."""
        if self._imagination.vlm is None:
            return False
        found = self._imagination.chance(np.asarray(observation["rgb"]), goal.text)
        return found >= (SURE if surely else SURE / 2)
