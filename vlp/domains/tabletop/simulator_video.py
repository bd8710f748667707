"""Simulator as a "video model", a public fake: it steps a copy of the simulator with the scripted oracle.

It is the test double of the video model and the upper bound beside it, and never a default: it knows
the true state, which a planner on a real table never does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.domain import CLIP_STRIDE
from tasks.tabletop.demos.demonstrator import Push, centers, run_push
from tasks.tabletop.demos.oracle import Style
from tasks.tabletop.language import parse
from tasks.tabletop.world.world import Snapshot, World

Frames = NDArray[np.uint8]


class SimulatorVideo:
    """Imagines by simulating; knows the frames it was shown or has made, and no others.

    Args:
        frames: T, future frames a clip.
        stride: control steps between them.
    """

    def __init__(self, *, frames: int = 8, stride: int = CLIP_STRIDE) -> None:
        self._world = World()
        self._known: dict[bytes, Snapshot] = {}
        self._frames, self._stride = frames, stride

    def show(self, frame: Frames, snapshot: Snapshot) -> None:
        """Tell which state a frame uint8 [H, W, 3] shows."""
        self._known[frame.tobytes()] = snapshot

    def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> Frames:
        """Clips uint8 [N, T, H, W, 3] of the oracle carrying out each subgoal, in a style of the seed.

        Raises KeyError for a frame whose state is not known.
        """
        clips = [self._clip(f, text, seed) for f, text, seed in zip(frames, subgoals, seeds, strict=True)]
        return np.stack(clips)

    def _clip(self, frame: Frames, text: str, seed: int) -> Frames:
        key = frame.tobytes()
        if key not in self._known:
            raise KeyError(
                "expected a frame that was shown or imagined before, got another; call show() first"
            )
        world, rng = self._world, np.random.default_rng(seed)
        world.restore(self._known[key])
        push = Push.begin(parse(text), centers(world), Style.sample(rng))
        height, width = frame.shape[:2]
        limit = self._frames * self._stride
        shown = [
            world.render(height, width)
            for step, _ in enumerate(run_push(world, push, rng, max_steps=limit))
            if step and step % self._stride == 0
        ]
        shown += [world.render(height, width)] * (self._frames - len(shown))
        self.show(shown[-1], world.save())
        return np.stack(shown)
