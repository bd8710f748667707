"""Clips that are told the whole long task and no subgoal, for a video model as in UniPi (Du et al., "Learning
Universal Policies via Text-Guided Video Generation", 2023), which the planner is compared to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.demos.rollouts import Rollouts
from tasks.tabletop.demos.symmetry import Renaming, mirror_slots, mirror_text
from tasks.tabletop.seeing import slots
from video.tabletop.clips import FRAMES, STRIDE


class WholeClipData:
    """All completed long tasks of some shards."""

    def __init__(self, shards: Sequence[Path]) -> None:
        self._goals: list[tuple[str, NDArray[np.float32]]] = []
        for path in shards:
            rollouts = Rollouts.load(path)
            states = slots.from_poses(rollouts.poses, rollouts.effector)
            starts = [0, *rollouts.episode_stop[:-1]]
            for goal, done, start, stop in zip(
                rollouts.episode_goal, rollouts.episode_done, starts, rollouts.episode_stop, strict=True
            ):
                if goal and done and stop > start:
                    self._goals.append((goal, states[start:stop]))

    def __len__(self) -> int:
        return len(self._goals)

    def draw(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], str]:
        """A clip [1 + T, 17, 5] from any moment on, at rest after the task's end, and the task's words."""
        goal, states = self._goals[int(rng.integers(len(self._goals)))]
        steps = int(rng.integers(len(states))) + STRIDE * np.arange(FRAMES + 1)
        clip = np.asarray(states[np.minimum(steps, len(states) - 1)])
        if not goal.startswith("sort"):
            clip = Renaming(rng.permutation(4)).slots(clip)
            if rng.random() < 0.5:
                clip, goal = mirror_slots(clip), mirror_text(goal)
        return clip, goal
