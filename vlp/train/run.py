"""Training of one model for so many minutes, from its checkpoint on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tasks.learning.feeding import feed
from tasks.learning.trainer import Batch, Loss, TrainConfig, Trainer
from vlp.errors import UsageError
from vlp.models.device import choose_device
from vlp.models.weights import write_manifest
from vlp.progress import Bar
from vlp.train.card import write_card

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


def train(
    part: str,
    name: str,
    jobs: Mapping[str, Callable[[], Job]],
    *,
    minutes: float,
    device: str = "auto",
    cache: Path = Path(".cache"),
    export: Path | None = None,
    start: Path | None = None,
    learning_rate: float | None = None,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train a part for some minutes, going on from its checkpoint in the cache, and return the record.

    `name` is the part's folder, `jobs` are those of its world, each made when it is asked for.
    `learning_rate` is where the cosine starts; a run that goes on from a checkpoint wants a lower one.
    Where there is no checkpoint, `start` is a weights folder to go on from, such as the bundled one.
    With `export` the averaged weights and a model card are written to that folder, the record to
    results/training/, from where a run with `start` takes over what was done before.
    0 minutes only export. Raises UsageError for an unknown part or other minutes that are not positive.
    """
    if part not in jobs:
        raise UsageError(f"expected a part among {', '.join(jobs)}; got {part!r}")
    if not (minutes > 0 or (minutes == 0 and export is not None)):
        raise UsageError(f"expected minutes above 0 (or 0 with --export), got {minutes}; try --minutes 10")
    if start is not None and not (start / name / "config.json").is_file():
        raise UsageError(
            f"start: expected trained weights in {start / name}, got none; try --start vlp/bundled"
        )
    torch.manual_seed(list(jobs).index(part))
    job = jobs[part]()
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
        batches = feed(lambda seed: job.batches(size, seed), trainer.seed, workers)
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
