"""`vlp train PART --base`: a pretrained model, fine-tuned on recorded episodes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from accelerate import PartialState

from tasks.data.footage import count_episodes
from tasks.data.layout import DatasetError
from vlp.domains.base import domain
from vlp.errors import FolderError, UsageError, WeightsError
from vlp.models.device import choose_device
from vlp.models.pretrained_folder import check_pipeline, check_vlm
from vlp.progress import Bar

RECORD: Final = "finetune.json"
"""Settings and outcome, beside the weights."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be fine-tuned, on what, and where the result goes."""

    part: str
    """ "vlm" or "video"."""
    base: str
    data: Path
    export: Path
    minutes: float
    lora: bool
    rank: int = 16
    learning_rate: float | None = None
    device: str = "auto"
    size: tuple[int, int] | None = None
    """video: height and width in pixels at which it learns, else the default."""
    frames: int | None = None
    """video: frames of a clip, the first included, else the default."""
    camera: str | None = None
    """Whose pictures of the data, else the only one's."""
    steps: int | None = None
    """At most so many; None: as many as the minutes allow."""


def finetune(task: Task) -> dict[str, Any]:
    """Fine-tune; the record, which stands in the export folder too. Raises UsageError, WeightsError and
    FolderError before anything is trained, and UsageError for a loss that is not finite, of which nothing is
    kept."""
    if task.lora and find_spec("peft") is None:
        raise UsageError(
            "lora: expected the package peft, got none; pip install video-language-planner[train]"
        )
    if task.export.exists() and (not task.export.is_dir() or any(task.export.iterdir())):
        raise FolderError(f"export: expected a new or empty folder, got {task.export}; choose another")
    {"vlm": check_vlm, "video": check_pipeline}[task.part]("base", task.base)
    try:
        record = {**_PARTS[task.part](task), "camera": task.camera}
    except DatasetError as error:
        raise UsageError(f"data: {error}") from error
    if PartialState().is_main_process:
        text = json.dumps(record, indent=1) + "\n"
        (task.export / RECORD).write_text(text, encoding="utf-8")
    return record


def _vlm(task: Task) -> dict[str, Any]:
    from vlp.vlm.local.finetune import FinetuneConfig, finetune, record, save
    from vlp.vlm.local.lessons import moments
    from vlp.vlm.local.processor import load_processor
    from vlp.vlm.local.weights import load_model

    words = domain().language()
    with Bar("reading data", count_episodes(task.data, task.camera)) as bar:
        known = moments(task.data, words, task.camera, bar.advance)
    try:
        model, processor = load_model(task.base), load_processor(task.base)
    except Exception as error:  # of three libraries, which name no errors of their own
        raise _no_base(task, "image-text-to-text model", error) from error
    rate = task.learning_rate or (2e-4 if task.lora else 2e-5)
    config = FinetuneConfig(
        minutes=task.minutes,
        lora=task.lora,
        rank=task.rank,
        learning_rate=rate,
        steps=task.steps,
        cpu=choose_device(task.device) == "cpu",
    )
    with Bar("fine-tuning", 60 * task.minutes) as bar:
        bar.advance(0)
        model, outcome = finetune(model, processor, known, words, config, bar.advance)
    _check_loss(outcome.last_loss)
    if PartialState().is_main_process:
        save(model, processor, task.export, base=task.base)
    return record(config, outcome, base=task.base, data=str(task.data), moments=len(known))


def _check_loss(loss: float) -> None:
    """Raises UsageError for one that is none: such weights are not kept."""
    if not math.isfinite(loss):
        raise UsageError(f"train: expected a finite loss, got {loss}; try other --minutes or --learning-rate")


def _no_base(task: Task, kind: str, error: Exception) -> WeightsError:
    return WeightsError(
        f"base: expected an {kind} in safetensors, got {task.base}: {' '.join(str(error).split())[:200]}; "
        "see docs/models.md"
    )


def _video(task: Task) -> dict[str, Any]:
    from video.pretrained.finetune import VideoFinetuneConfig, finetune, recorded, save
    from video.pretrained.pipeline import PretrainedError, load_pipeline

    given = {"size": task.size, "frames": task.frames, "learning_rate": task.learning_rate}
    config = VideoFinetuneConfig(
        minutes=task.minutes,
        lora=task.lora,
        rank=task.rank,
        steps=task.steps,
        cpu=choose_device(task.device) == "cpu",
        **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
    )
    with Bar("reading data", count_episodes(task.data, task.camera)) as bar:
        clips = recorded(task.data, config.frames, task.camera, bar.advance)
    try:
        pipeline = load_pipeline(task.base)
        with Bar("fine-tuning", 60 * task.minutes) as bar:
            bar.advance(0)
            outcome = finetune(pipeline, clips, config, bar.advance)
    except PretrainedError as error:
        raise WeightsError(str(error)) from error
    _check_loss(outcome["last_loss"])
    if PartialState().is_main_process:
        save(pipeline, task.export, base=task.base, lora=task.lora)
    return {"base": task.base, "data": str(task.data), **asdict(config), **outcome}


_PARTS: Final[dict[str, Callable[[Task], dict[str, Any]]]] = {"vlm": _vlm, "video": _video}
