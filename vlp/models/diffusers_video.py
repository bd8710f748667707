"""A video model that is not bundled, as the composition root wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from video.pretrained.pipeline import PretrainedConfig, PretrainedError, PretrainedVideo
from vlp.errors import ModelError, WeightsError
from vlp.models.chosen import Pretrained
from vlp.models.pretrained_folder import check_pipeline
from vlp.vlm.account import Note


class OtherVideo:
    """A pretrained pipeline that says in our own errors what is wrong, and keeps account."""

    def __init__(self, video: PretrainedVideo, source: str) -> None:
        self._video, self._source = video, source

    @classmethod
    def load(cls, given: Pretrained, *, device: str) -> OtherVideo:
        """Raises WeightsError."""
        check_pipeline("video", given.source)
        options = asdict(given)
        config = PretrainedConfig(**{name: options[name] for name in options if name != "source"})
        try:
            return cls(PretrainedVideo.load(given.source, config, device=device), given.source)
        except PretrainedError as error:
            raise WeightsError(str(error)) from error

    def imagine(self, frames: NDArray[np.uint8], subgoals: Sequence[str], seeds: Sequence[int]) -> Any:
        """See `planner.VideoModel`. Raises ModelError."""
        try:
            return self._video.imagine(frames, subgoals, seeds)
        except PretrainedError as error:
            raise ModelError(str(error)) from error

    def notes(self) -> list[Note]:
        """None."""
        return []

    def account(self) -> Mapping[str, Any]:
        """Which pipeline."""
        return {
            "backend": "diffusers",
            "model": self._source,
            "class": type(self._video.pipeline).__name__,
        }

    def spent(self) -> str:
        """Nothing is counted."""
        return ""
