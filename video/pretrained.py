"""Any image-to-video pipeline of diffusers as the planner's VideoModel.

Pipelines differ in what they may be asked for: each is called with those of the usual arguments that stand in
its own signature.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import torch
from diffusers import DiffusionPipeline
from numpy.typing import NDArray
from PIL import Image

from video.fit import Fit, pick

Frames = NDArray[np.uint8]
Offload = Literal["none", "model", "sequential"]


class PretrainedError(ValueError):
    """A pipeline that can't be loaded, or not asked for videos in this way."""


@dataclass(frozen=True, kw_only=True)
class PretrainedConfig:
    """How a pipeline is called. None is its own default."""

    steps: int | None = None
    """Denoising steps."""
    guidance: float | None = None
    size: tuple[int, int] | None = None
    """Height and width in pixels."""
    frames: int | None = None
    """The first included."""
    offload: Offload = "none"


class PretrainedVideo:
    """Imagines with a pipeline of diffusers.

    Args:
        pipeline: its call takes an image, and a prompt unless it knows none.
        config: how it is called.
        future: T, frames of a clip.
    """

    def __init__(self, pipeline: Any, config: PretrainedConfig | None = None, *, future: int = 8) -> None:
        self.pipeline, self.config, self.future = pipeline, config or PretrainedConfig(), future
        self._knows = inspect.signature(pipeline.__call__).parameters
        if "image" not in self._knows:
            raise PretrainedError(
                f"video: expected an image-to-video pipeline, got {type(pipeline).__name__}; choose another"
            )
        self._together = True
        pipeline.set_progress_bar_config(disable=True)

    @classmethod
    def load(
        cls, source: str, config: PretrainedConfig | None = None, *, device: str = "cpu", future: int = 8
    ) -> Self:
        """Read a folder or repository: safetensors only, no code of its own. Raises PretrainedError."""
        config = config or PretrainedConfig()
        if config.offload != "none" and device == "cpu":
            raise PretrainedError(
                f"video-offload: expected a GPU to offload from, got {device}; leave it out or choose a GPU"
            )
        dtype = torch.float32 if device == "cpu" else torch.bfloat16
        try:
            pipeline = DiffusionPipeline.from_pretrained(source, use_safetensors=True, torch_dtype=dtype)
        except (OSError, ValueError, ImportError, TypeError, AttributeError) as error:
            raise PretrainedError(
                f"video: expected a diffusers pipeline in safetensors, got {source}: "
                f"{' '.join(str(error).split())[:200]}; see docs/models.md"
            ) from error
        if config.offload == "model":
            pipeline.enable_model_cpu_offload(device=device)
        elif config.offload == "sequential":
            pipeline.enable_sequential_cpu_offload(device=device)
        else:
            pipeline.to(device)
        return cls(pipeline, config, future=future)

    def imagine(
        self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]
    ) -> NDArray[np.uint8] | NDArray[np.float32]:
        """Clips [N, T, H, W, 3] that go on from `frames` uint8 [N, H, W, 3]: uint8, or float32 in 0..255
        where some are not finite. Clips from the same frame are one batch where the pipeline allows it.

        Raises PretrainedError for a size or length that the pipeline does not take.
        """
        fit = Fit((frames.shape[1], frames.shape[2]), self._size())
        groups: dict[bytes, list[int]] = {}
        for number, frame in enumerate(frames):
            groups.setdefault(frame.tobytes(), []).append(number)
        clips = np.empty((len(frames), self.future, *frames.shape[1:]), np.float32)
        for rows in groups.values():
            texts, own = [subgoals[row] for row in rows], [seeds[row] for row in rows]
            for row, video in zip(rows, self._videos(fit.enlarge(frames[rows[0]]), texts, own), strict=True):
                clips[row] = fit.reduce(video[pick(len(video), self.future)] * 255.0)
        if not np.isfinite(clips).all():
            return clips
        return np.asarray(clips.clip(0, 255).round().astype(np.uint8))

    def _videos(self, image: Frames, texts: Sequence[str], seeds: Sequence[int]) -> NDArray[np.float32]:
        """From one frame [N, F, H, W, 3] in 0..1, a text and a seed each."""
        if self._together and len(texts) > 1:
            try:
                found = self._call(image, texts, seeds)
            except (ValueError, RuntimeError, TypeError, NotImplementedError):
                pass  # it takes one at a time; whatever else is wrong, it says again there
            else:
                if len(found) == len(texts):
                    return found
            self._together = False
        parts = [self._call(image, [text], [seed]) for text, seed in zip(texts, seeds, strict=True)]
        return np.concatenate(parts)

    def _call(self, image: Frames, texts: Sequence[str], seeds: Sequence[int]) -> NDArray[np.float32]:
        generators = [torch.Generator("cpu").manual_seed(int(seed)) for seed in seeds]
        asked = {
            "image": Image.fromarray(image),
            "prompt": list(texts),
            "num_videos_per_prompt": 1 if "prompt" in self._knows else len(texts),
            "height": image.shape[0],
            "width": image.shape[1],
            "num_frames": self.config.frames,
            "num_inference_steps": self.config.steps,
            "guidance_scale": self.config.guidance,
            "max_guidance_scale": self.config.guidance,
            "generator": generators,
            "output_type": "np",
        }
        known = {name: value for name, value in asked.items() if name in self._knows and value is not None}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pipelines warn of what they round, cast and deprecate
            try:
                with torch.inference_mode():
                    return np.asarray(self.pipeline(**known).frames, np.float32)
            except (ValueError, RuntimeError) as error:
                if len(texts) > 1:
                    raise
                raise PretrainedError(
                    f"video: {type(self.pipeline).__name__} does not take {image.shape[0]}x{image.shape[1]} "
                    f"pixels, {self.config.frames or 'its own number of'} frames, "
                    f"{self.config.steps or 'its own number of'} steps: "
                    f"{' '.join(str(error).split())[:200]}; choose others (--video-size, --video-frames)"
                ) from error

    def _size(self) -> tuple[int, int]:
        """Height and width at which it imagines."""
        if self.config.size is not None:
            return self.config.size
        height, width = (
            self._knows[side].default if side in self._knows else None for side in ("height", "width")
        )
        if isinstance(height, int) and isinstance(width, int):
            return height, width
        model = getattr(self.pipeline, "transformer", None) or getattr(self.pipeline, "unet", None)
        own: Mapping[str, Any] = getattr(model, "config", {})
        scale = getattr(self.pipeline, "vae_scale_factor_spatial", None)
        if scale and own.get("sample_height") and own.get("sample_width"):
            return own["sample_height"] * scale, own["sample_width"] * scale
        raise PretrainedError(
            f"video-size: expected a size for {type(self.pipeline).__name__}, which has none of its own, got "
            "none; give --video-size HEIGHTxWIDTH"
        )
