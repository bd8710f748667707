"""Any image-to-video pipeline of diffusers as the planner's VideoModel.

Pipelines differ in what they may be asked for: each is called with those of the usual arguments that stand in
its own signature.
"""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from diffusers import DiffusionPipeline
from numpy.typing import NDArray
from PIL import Image

from video.pretrained.fit import Fit, pick

Frames = NDArray[np.uint8]
BASE = "base.json"
"""Beside adapters: which pipeline they belong to."""
ADAPTERS = "pytorch_lora_weights.safetensors"
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
        # Without words several clips would share what is drawn for the image, and no seed would be its own.
        self._batches = [_as_list, _as_one] if "prompt" in self._knows else []
        """Ways to give one frame to several clips that have not failed yet."""
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
        pipeline = load_pipeline(source)
        try:
            if config.offload == "model":
                pipeline.enable_model_cpu_offload(device=device)
            elif config.offload == "sequential":
                pipeline.enable_sequential_cpu_offload(device=device)
            else:
                pipeline.to(device)
        except RuntimeError as error:  # out of memory
            raise PretrainedError(
                f"video: expected {source} to fit onto {device}, got {' '.join(str(error).split())[:200]}; "
                "try --video-offload model"
            ) from error
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
                if len(video) < 2:
                    raise PretrainedError(
                        f"video: expected 2 or more frames from {type(self.pipeline).__name__}, got "
                        f"{len(video)}; ask for more (--video-frames)"
                    )
                clips[row] = fit.reduce(video[pick(len(video), self.future)] * 255.0)
        if not np.isfinite(clips).all():
            return clips
        return np.asarray(clips.clip(0, 255).round().astype(np.uint8))

    def _videos(self, image: Frames, texts: Sequence[str], seeds: Sequence[int]) -> NDArray[np.float32]:
        """From one frame [N, F, H, W, 3] in 0..1, a text and a seed each."""
        while self._batches and len(texts) > 1:
            try:
                found = self._call(self._batches[0](image, len(texts)), texts, seeds)
            except Exception:  # whatever is wrong, it says again when asked for one at a time
                self._batches.pop(0)
            else:
                if len(found) == len(texts):
                    return found
                self._batches.pop(0)
        parts = [self._one(image, text, seed) for text, seed in zip(texts, seeds, strict=True)]
        return np.concatenate(parts)

    def _one(self, image: Frames, text: str, seed: int) -> NDArray[np.float32]:
        """One video [1, F, H, W, 3] in 0..1. Raises PretrainedError."""
        try:
            return self._call(_as_one(image, 1), [text], [seed])
        except Exception as error:  # its own code may raise anything
            config = self.config
            raise PretrainedError(
                f"video: {type(self.pipeline).__name__} fails at {image.shape[0]}x{image.shape[1]} pixels, "
                f"{config.frames or 'its own'} frames, {config.steps or 'its own'} steps: "
                f"{' '.join(str(error).split())[:200]}; choose others (--video-size, --video-frames)"
            ) from error

    def _call(self, images: Any, texts: Sequence[str], seeds: Sequence[int]) -> NDArray[np.float32]:
        first = images[0] if isinstance(images, list) else images
        asked = {
            "image": images,
            "prompt": list(texts),
            "height": first.height,
            "width": first.width,
            "num_frames": self.config.frames,
            "num_inference_steps": self.config.steps,
            "guidance_scale": self.config.guidance,
            "max_guidance_scale": self.config.guidance,
            "generator": [torch.Generator("cpu").manual_seed(int(seed)) for seed in seeds],
            "output_type": "np",
        }
        known = {name: value for name, value in asked.items() if name in self._knows and value is not None}
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # pipelines warn of what they round, cast and deprecate
            return np.asarray(self.pipeline(**known).frames, np.float32)

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


def load_pipeline(source: str) -> Any:
    """A folder or repository of diffusers, or a folder of adapters with the name of their base. Raises
    PretrainedError."""
    try:
        return _load(source)
    except Exception as error:  # from four libraries, each with errors of its own
        raise PretrainedError(
            f"video: expected a diffusers pipeline in safetensors, got {source}: "
            f"{' '.join(str(error).split())[:200]}; see docs/models.md"
        ) from error


def _load(source: str) -> Any:
    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    base = Path(source) / BASE
    if not base.is_file():
        return DiffusionPipeline.from_pretrained(source, use_safetensors=True, dtype=dtype)
    own = str(json.loads(base.read_text(encoding="utf-8"))["base"])
    pipeline = DiffusionPipeline.from_pretrained(own, use_safetensors=True, dtype=dtype)
    pipeline.load_lora_weights(source, weight_name=ADAPTERS)
    return pipeline


def _as_list(image: Frames, count: int) -> list[Image.Image]:
    return [Image.fromarray(image)] * count


def _as_one(image: Frames, count: int) -> Image.Image:
    return Image.fromarray(image)
