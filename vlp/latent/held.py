"""Clips that are still once what they show is done: whoever acts goes no further, either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from planner import Frames
from video.latent.pipeline import LatentPipeline

EVERY: Final = 2
"""Frames of a clip of which one is asked about: a judge looks as long as the clip takes."""


class HeldClips:
    """See planner.VideoModel.

    Args:
        pipeline: imagines.
        over: whether subgoals are done in frames uint8 [N, H, W, 3]: bool [N].
    """

    def __init__(
        self, pipeline: LatentPipeline, over: Callable[[Frames, Sequence[str]], NDArray[np.bool_]]
    ) -> None:
        self.pipeline, self._over = pipeline, over

    def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> Frames:
        """Clips uint8 [N, T, H, W, 3], each of which stays as it is where its subgoal is done first."""
        clips = np.array(self.pipeline.imagine(frames, subgoals, seeds))
        asked = np.arange(EVERY - 1, clips.shape[1] - 1, EVERY)
        if not len(asked):
            return clips
        words = [subgoal for subgoal in subgoals for _ in asked]
        done = self._over(clips[:, asked].reshape(-1, *clips.shape[2:]), words).reshape(len(clips), -1)
        for clip, ends in zip(clips, done, strict=True):
            if ends.any():
                first = int(asked[ends.argmax()])
                clip[first + 1 :] = clip[first]
        return clips
