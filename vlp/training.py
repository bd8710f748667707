"""Training of every part from nothing: make the data, train for some minutes, export the weights.

rollouts -> pictures -> perception, judge, renderer
rollouts -> video (the denoiser)
rollouts, played -> vlm
rollouts -> labels -> policy
rollouts -> whole-video, language-policy (what the planner is compared to)
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from executors import train_language_policy, train_policy
from executors.language_policy import LanguagePolicy
from executors.policy import SlotPolicy
from tasks import train_perception
from tasks.feeding import feed
from tasks.perception import SlotEncoder
from tasks.training import Batch, Loss, TrainConfig, Trainer
from video import clips, train_renderer, train_video
from video.denoiser import SlotDenoiser
from video.renderer import SlotRenderer
from video.whole_clips import WholeClipData
from vlp.build import choose_device
from vlp.card import write_card
from vlp.errors import UsageError
from vlp.progress import Bar
from vlp.training_data import LABELS_A_FILE, Sizes, corrections, made, shards
from vlp.vlm import data as vlm_data
from vlp.vlm import model as vlm_model
from vlp.vlm import train as vlm_train
from vlp.weights import write_manifest

FOLDERS = {"video": "denoiser", "whole-video": "whole_denoiser", "language-policy": "language_policy"}
"""Where a part's name on the command line differs from its folder."""
RESULTS = Path("results/training")
"""Where the records of exported trainings are kept."""
GPU_BATCH = 32
"""How many times as large batches are on a GPU, which else waits for its next order."""
WORKERS = max(1, min(7, (os.cpu_count() or 1) - 2))
"""Processes that draw batches for a GPU."""


@dataclass(frozen=True)
class Job:
    """What the trainer needs."""

    model: nn.Module
    loss: Loss
    batches: Callable[[int, int], Iterator[Batch]]
    """Batches of a size for ever, from a seed."""
    size: int
    """Of a batch on a CPU."""
    config: TrainConfig
    data: str
    """In words, for the model card."""
    settle: Callable[[Any], None] = lambda _: None
    """What is done to the averaged model before it is kept."""


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


_JOBS: Mapping[str, Callable[[Path, Sizes], Job]] = {
    "perception": lambda cache, sizes: _encoder(cache, sizes, 40),
    "judge": lambda cache, sizes: _encoder(cache, sizes, 32),
    "renderer": _renderer,
    "video": _video,
    "policy": _policy,
    "vlm": _vlm,
    "whole-video": _whole_video,
    "language-policy": _language_policy,
}
PARTS = tuple(_JOBS)


def train(
    part: str,
    *,
    minutes: float,
    device: str = "auto",
    cache: Path = Path(".cache"),
    export: Path | None = None,
    start: Path | None = None,
    learning_rate: float | None = None,
    sizes: Sizes | None = None,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train a part for some minutes, going on from its checkpoint in the cache, and return the record.

    `learning_rate` is where the cosine starts; a run that goes on from a checkpoint wants a lower one.
    Where there is no checkpoint, `start` is a weights folder to go on from, such as the bundled one.
    With `export` the averaged weights and a model card are written to that folder, the record to
    results/training/, from where a run with `start` takes over what was done before.
    0 minutes only export. Raises UsageError for an unknown part or other minutes that are not positive.
    """
    if part not in _JOBS:
        raise UsageError(f"expected a part among {', '.join(PARTS)}; got {part!r}")
    if not (minutes > 0 or (minutes == 0 and export is not None)):
        raise UsageError(f"expected minutes above 0 (or 0 with --export), got {minutes}; try --minutes 10")
    name = FOLDERS.get(part, part)
    if start is not None and not (start / name / "config.json").is_file():
        raise UsageError(
            f"start: expected trained weights in {start / name}, got none; try --start vlp/bundled"
        )
    torch.manual_seed(PARTS.index(part))
    job = _JOBS[part](cache, sizes or Sizes())
    rate = learning_rate or job.config.learning_rate
    config = replace(job.config, minutes=minutes, device=choose_device(device), learning_rate=rate)
    size, workers = (job.size, 0) if config.device == "cpu" else (GPU_BATCH * job.size, WORKERS)
    fresh = not (cache / name / "checkpoint.pt").exists()
    if start is not None:
        _begin_from(start / name, job.model)
    trainer = Trainer(job.model, job.loss, cache / name, config)
    if start is not None and fresh and (RESULTS / f"{part}.json").is_file():
        trainer.go_on(json.loads((RESULTS / f"{part}.json").read_text(encoding="utf-8")))
    if minutes:
        batches = feed(lambda seed: job.batches(size, seed), trainer.step, workers)
        note = {"start": str(start)} if start and fresh else {}
        note |= {} if config.device == "cpu" else {"device": config.device}
        with Bar(f"training {part}", 60 * minutes) as bar:
            trainer.run(batches, report, note, bar.advance)
    model: Any = trainer.averaged().cpu()
    job.settle(model)
    model.save_pretrained(cache / name / "weights")
    record_ = trainer.record() | {"part": part, "data": job.data}
    (cache / name / "record.json").write_text(json.dumps(record_, indent=1) + "\n", encoding="utf-8")
    if export is not None:
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / f"{part}.json").write_text(json.dumps(record_, indent=1) + "\n", encoding="utf-8")
        _halved(model, name).save_pretrained(export / name)
        write_card(export / name, record_)
        write_manifest(export)
    return record_


def _begin_from(folder: Path, model: Any) -> None:
    """Give a model the weights of the same part in a weights folder."""
    trained = type(model).from_pretrained(folder)
    try:
        model.load_state_dict({name: value.float() for name, value in trained.state_dict().items()})
    except RuntimeError as error:
        raise UsageError(f"start: expected weights of the same shape in {folder}; {error}") from error


def _halved(model: Any, name: str) -> Any:
    """The transformers' weights in bf16, in which they are multiplied anyway, to halve the files; what sees
    and draws stays in fp32, since its millimetres need it."""
    for key, parameter in model.named_parameters():
        if name not in ("perception", "judge", "renderer") and "vision_tower" not in key:
            parameter.data = parameter.data.bfloat16()
    return model
