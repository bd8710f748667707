"""Acting by words alone, where no policy was trained beside the model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from video.latent.pipeline import LatentPipeline
from video.latent.policy.network import ANY_TIME
from video.latent.policy.policy import Frame


class ToldPolicy:
    """What the action prior of the model of video and action makes likely, by the subgoal's words: a clip
    says then which words are told, how long, and when it is over."""

    def __init__(self, pipeline: LatentPipeline) -> None:
        self._pipeline = pipeline

    def actions(
        self, frame: Frame, goal_frame: Frame | None, left: int = ANY_TIME, words: str = ""
    ) -> NDArray[np.float32]:
        """See PicturePolicy. A wanted frame and its time are not looked at."""
        return np.asarray(self._pipeline.likely(frame[None], [words])[0], np.float32)
