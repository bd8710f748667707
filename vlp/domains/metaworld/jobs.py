"""Training of what only this world has: the cloned policy that the planner is compared to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch

from tasks.data.layout import DatasetError
from tasks.learning.feeding import feed
from tasks.learning.trainer import TrainConfig, Trainer
from video.latent.store import FrameStore, pack
from vlp.domains.metaworld.cloned import ClonedPolicy, batches, loss
from vlp.errors import FolderError, UsageError
from vlp.models.device import choose_device
from vlp.train.run import WORKERS

FOLDER: Final = "bc"
BATCH: Final = 64


def train(
    part: str,
    *,
    minutes: float,
    data: Path | None = None,
    camera: str | None = None,
    device: str = "auto",
    cache: Path = Path(".cache"),
    export: Path | None = None,
    learning_rate: float | None = None,
    start: Path | None = None,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train the cloned policy on a dataset, going on from the cache's checkpoint; its record.

    Raises UsageError for another part, and FolderError for data that can't be learned from.
    """
    if part != FOLDER or data is None:
        raise UsageError(
            f"train: expected bc, or world and world-vlm, with --data in this world, got {part!r:.40}; "
            "choose one of these"
        )
    folder, place = cache / FOLDER, choose_device(device)
    try:
        store = pack([data], folder / "store", camera=camera, report=report)
    except DatasetError as error:
        raise FolderError(f"data: {error}") from error
    trainer = _trained(store, folder, minutes, place, learning_rate or 1e-3, report)
    model: Any = trainer.averaged().cpu()
    weights = export or folder / "weights"
    model.save_pretrained(weights)
    with torch.no_grad():
        off = float(loss(model, next(batches(store, 4 * BATCH, 12345)))[0])
    record = trainer.record() | {"data": data.name, "loss": off, "weights": str(weights)}
    (folder / "record.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return record


def _trained(
    store: FrameStore, folder: Path, minutes: float, device: str, rate: float, report: Callable[[str], None]
) -> Trainer:
    torch.manual_seed(0)
    _, height, _, _ = store.frames.shape
    model = ClonedPolicy(list(store.texts), size=height, actions=store.actions.shape[1])
    config = TrainConfig(minutes=minutes, learning_rate=rate, device=device)
    trainer = Trainer(model, lambda batch: loss(model, batch), folder, config)
    workers = 0 if device == "cpu" else WORKERS
    trainer.run(feed(lambda seed: batches(store, BATCH, seed), trainer.step, workers), report)
    return trainer
