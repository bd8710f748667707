"""Training of every part from nothing: make the data, train for some minutes, export the weights.

rollouts -> pictures -> perception, judge, renderer
rollouts -> video (the denoiser)
rollouts, played -> vlm
played_programs -> programs
rollouts -> labels -> policy
rollouts -> whole-video, language-policy (what the planner is compared to)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from executors.tabletop import train_language_policy, train_policy
from executors.tabletop.language_policy import LanguagePolicy
from executors.tabletop.policy import SlotPolicy
from tasks.learning.trainer import TrainConfig
from tasks.tabletop.seeing import train as train_perception
from tasks.tabletop.seeing.encoder import SlotEncoder
from video.tabletop import clips, train_renderer
from video.tabletop import train_denoiser as train_video
from video.tabletop.denoiser import SlotDenoiser
from video.tabletop.renderer import SlotRenderer
from video.tabletop.whole_clips import WholeClipData
from vlp.domains.tabletop.data import LABELS_A_FILE, Sizes, corrections, made, shards
from vlp.errors import UsageError
from vlp.train.run import Job
from vlp.train.run import train as train_part
from vlp.vlm.tabletop import data as vlm_data
from vlp.vlm.tabletop import model as vlm_model
from vlp.vlm.tabletop import train as vlm_train
from vlp.vlm.tabletop.programs import train as program_training
from vlp.vlm.tabletop.programs.model import ProgramNet

FOLDERS = {"video": "denoiser", "whole-video": "whole_denoiser", "language-policy": "language_policy"}
"""Where a part's name on the command line differs from its folder."""


def _encoder(cache: Path, sizes: Sizes, channels: int) -> Job:
    pictures, slots = train_perception.load_pictures(made(cache, "pictures", sizes.pictures, sizes))
    model = SlotEncoder(channels=channels).to(memory_format=torch.channels_last)
    return Job(
        model,
        lambda batch: train_perception.loss(model, batch),
        lambda size, seed: train_perception.batches(pictures, slots, size, seed),
        32,
        TrainConfig(learning_rate=2e-3),
        f"{len(pictures)} pictures of random boards, states of rollouts, and blocks in heaps",
    )


def _renderer(cache: Path, sizes: Sizes) -> Job:
    pictures, slots = train_perception.load_pictures(made(cache, "pictures", sizes.pictures, sizes))
    model = SlotRenderer()
    # The board is what most pictures show at a pixel.
    model.board.data = torch.from_numpy(np.median(pictures[:200], 0)).permute(2, 0, 1).float() / 255
    return Job(
        model,
        lambda batch: train_renderer.loss(model, batch),
        lambda size, seed: train_renderer.batches(pictures, slots, size, seed),
        24,
        TrainConfig(learning_rate=1e-3),
        f"{len(pictures)} pictures with the poses that made them",
    )


def _denoiser(model: SlotDenoiser, source: clips.Clips, data: str) -> Job:
    return Job(
        model,
        lambda batch: train_video.loss(model, batch),
        lambda size, seed: clips.batches(source, size, seed),
        64,
        TrainConfig(learning_rate=3e-3, muon=True, ema_decay=0.9995),
        f"{data}, cut anywhere, mirrored and with colours permuted",
    )


def _video(cache: Path, sizes: Sizes) -> Job:
    source = clips.ClipData(shards(cache, sizes))
    return _denoiser(SlotDenoiser(width=256, heads=8), source, f"{len(source)} oracle pushes")


def _whole_video(cache: Path, sizes: Sizes) -> Job:
    source = WholeClipData(shards(cache, sizes))
    return _denoiser(SlotDenoiser(), source, f"{len(source)} completed long tasks, told whole")


def _language_policy(cache: Path, sizes: Sizes) -> Job:
    source = train_language_policy.ClonedSteps(shards(cache, sizes))
    model = LanguagePolicy()
    return Job(
        model,
        lambda batch: train_language_policy.loss(model, batch),
        lambda size, seed: train_language_policy.batches(source, size, seed),
        256,
        TrainConfig(learning_rate=3e-3, muon=True),
        f"the oracle's actions in {len(source)} pushes, half of them told the whole long task",
    )


def _policy(cache: Path, sizes: Sizes) -> Job:
    files = made(cache, "labels", sizes.labels, sizes)
    model = SlotPolicy()
    return Job(
        model,
        lambda batch: train_policy.loss(model, batch),
        lambda size, seed: train_policy.batches(files, corrections(cache, sizes), size, seed),
        256,
        TrainConfig(learning_rate=3e-3, muon=True),
        f"{len(files) * LABELS_A_FILE} pairs of boards, disturbed, and from the second run on states that "
        "the policy itself came to, with the oracle's actions",
    )


def _vlm(cache: Path, sizes: Sizes) -> Job:
    folder = cache / "perception" / "weights"
    if not folder.is_dir():
        raise UsageError(
            f"train vlm: expected a trained encoder in {folder}, got none; train perception first"
        )
    source = vlm_data.Demonstrations(shards(cache, sizes), made(cache, "played", sizes.played, sizes))
    encoder = SlotEncoder.from_pretrained(folder)
    model = vlm_model.build(encoder)
    # The fused kernel's backward is slower on such short sequences.
    model.model.language_model.set_attn_implementation("eager")
    return Job(
        model,
        lambda batch: vlm_train.loss(model, batch),
        lambda size, seed: vlm_data.batches(source, size, seed),
        64,
        TrainConfig(learning_rate=3e-3, muon=True, ema_decay=0.9995),
        "boards of long tasks played without physics, moments of their demonstrations and of single pushes, "
        "mirrored and with colours permuted",
        # The encoder is frozen here, but may have been trained on since the checkpoint.
        settle=lambda whole: whole.model.vision_tower.encoder.load_state_dict(encoder.state_dict()),
    )


def _programs(cache: Path, sizes: Sizes) -> Job:
    source = program_training.PlayedData(made(cache, "played_programs", sizes.programs, sizes))
    model = ProgramNet()
    return Job(
        model,
        lambda batch: program_training.loss(model, batch),
        lambda size, seed: program_training.batches(source, size, seed),
        128,
        TrainConfig(learning_rate=3e-3, muon=True, ema_decay=0.9995),
        f"{len(source)} boards on the way to random programs of relations, played without physics, mirrored "
        "and with blocks under other names",
    )


_JOBS: Mapping[str, Callable[[Path, Sizes], Job]] = {
    "perception": lambda cache, sizes: _encoder(cache, sizes, 40),
    "judge": lambda cache, sizes: _encoder(cache, sizes, 32),
    "renderer": _renderer,
    "video": _video,
    "policy": _policy,
    "vlm": _vlm,
    "programs": _programs,
    "whole-video": _whole_video,
    "language-policy": _language_policy,
}
PARTS = tuple(_JOBS)


def train(
    part: str, *, cache: Path = Path(".cache"), sizes: Sizes | None = None, **options: Any
) -> dict[str, Any]:
    """Train a part of the tabletop, see `vlp.train.run.train`; `sizes`: how much data is made for it."""
    jobs = {name: partial(make, cache, sizes or Sizes()) for name, make in _JOBS.items()}
    return train_part(part, FOLDERS.get(part, part), jobs, cache=cache, **options)
