"""Video models to be measured, by name or path."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from planner import Frames
from tasks.domain import CLIP_STRIDE
from video.latent.bundle import SCALE
from video.latent.pipeline import LatentPipeline
from video.pretrained.pipeline import PretrainedConfig, PretrainedError, PretrainedVideo
from vlp.bench.video.protocol import MeasuredModel
from vlp.domains.base import domain
from vlp.errors import UsageError, WeightsError
from vlp.latent.folder import opened
from vlp.models.chosen import Models, Pretrained, check_source
from vlp.models.diffusers_video import OtherVideo
from vlp.models.pretrained_folder import check_pipeline
from vlp.models.weights import BUNDLED

COPY: Final = "copy"
SLOTS: Final = "slots"
_DIFFUSERS: Final = "diffusers:"


class StillVideo:
    """Nothing moves: what any figure is worth is told by what this one gets."""

    def __init__(self, frames: int) -> None:
        self._frames = frames

    def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> Frames:
        """Clips uint8 [N, T, H, W, 3] of the first frame again."""
        return np.repeat(frames[:, None], self._frames, 1)


Load = Callable[[int], MeasuredModel]
"""From T, which models that have none of their own are asked for, to a model."""


def loader(
    given: str, *, world: str, weights: Path | None, device: str, steps: int, pretrained: Pretrained
) -> Load:
    """How to load a model: "copy", "slots" (the preset of `world`), a folder of `vlp train world`, or a
    folder or repository of a diffusers pipeline. Nothing is loaded yet.

    Raises UsageError and WeightsError.
    """
    if given == COPY:
        return lambda frames: MeasuredModel(COPY, StillVideo(frames), {"kind": "the first frame again"})
    if given == SLOTS:
        return lambda frames: _slots(world, weights, device)
    source = check_source("video", given.removeprefix(_DIFFUSERS))
    name = "/".join(Path(source).parts[-2:])
    if (Path(source) / SCALE).is_file():
        return lambda frames: _latent(name, Path(source), device, steps)
    check_pipeline("video", source)
    asked = replace(pretrained, source=source)
    return lambda frames: _pipeline(name, asked, device, frames)


def _slots(world: str, weights: Path | None, device: str) -> MeasuredModel:
    parts = domain(world).parts(weights=weights, device=device, sampling_steps=2, models=Models())
    about: dict[str, Any] = {"kind": f"preset of {world}", "size": list(parts.shape[:2])}
    about["weights"] = _digest(weights or BUNDLED)
    return MeasuredModel(SLOTS, parts.video, about, stride=CLIP_STRIDE)


def _latent(name: str, folder: Path, device: str, steps: int) -> MeasuredModel:
    bundle = opened(folder, device)
    pipeline = LatentPipeline(bundle, steps=steps)
    about = {"kind": "vlp train world", "steps": steps, "weights": _digest(folder)}
    size = sum(p.numel() for part in (bundle.network, bundle.autoencoder) for p in part.parameters())
    return MeasuredModel(
        name, pipeline, about | {"parameters": size, "size": list(bundle.size)},
        pipeline if bundle.explains else None,
        frames=pipeline.frames, stride=bundle.stride,
    )  # fmt: skip


def _pipeline(name: str, asked: Pretrained, device: str, frames: int) -> MeasuredModel:
    options: dict[str, Any] = {key: value for key, value in vars(asked).items() if key != "source"}
    try:
        video = PretrainedVideo.load(asked.source, PretrainedConfig(**options), device=device, future=frames)
    except PretrainedError as error:
        raise WeightsError(str(error)) from error
    about = {"kind": f"diffusers {type(video.pipeline).__name__}", "steps": asked.steps}
    folder = Path(asked.source)
    return MeasuredModel(
        name, OtherVideo(video, name), about | {"weights": _digest(folder) if folder.is_dir() else None}
    )


def _digest(folder: Path) -> str:
    """Of all weights, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.safetensors")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def check_given(given: Sequence[str]) -> tuple[str, ...]:
    """Each once. Raises UsageError for none."""
    if not given:
        raise UsageError(
            f"video: expected {COPY}, {SLOTS}, a folder of vlp train world or a diffusers pipeline, got "
            "none; give one or more"
        )
    return tuple(dict.fromkeys(given))
