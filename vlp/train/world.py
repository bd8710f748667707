"""`vlp train world`: the model of video and action on any dataset, from pixels, words and actions alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.data.layout import DatasetError
from tasks.learning.parallel import is_first
from tasks.learning.trainer import CHECKPOINT, CheckpointError
from video.latent.asked import (
    DYNAMICS,
    EYE,
    FLOW,
    ROLLING,
    SKETCH,
    STEPS,
    TERMINATION,
    WORLD,
    Onlookers,
    WorldTraining,
)
from video.latent.bundle import LatentBundle
from video.latent.config import PRESETS
from video.latent.policy.train import PolicyTraining, train_policy
from video.latent.rolling_training import CUT, GONE, TRACKED
from video.latent.run import train_world
from video.latent.saved import save
from video.latent.store import ABOUT
from vlp.errors import FolderError
from vlp.models.device import choose_device
from vlp.models.source import Source
from vlp.train.run import WORKERS
from vlp.train.seen import alike, checked, training_view
from vlp.train.watching import Watching, check_trackers
from vlp.vlm.latent.train import VlmTraining, train_vlm

FOLDER = "world"
"""Of the cache."""
EYE_SHARE, SKETCH_SHARE, TERMINATION_SHARE = 0.3, 0.1, 0.1
"""Shares of the time that the autoencoder and the transformer's small parts get, where they were not trained
yet, and what tells when a subgoal is over."""
CHOICE_SHARE, PROGRESS_SHARE = 0.3, 0.4
"""Of the VLM's time, those of what chooses among subgoals, and of what tells how far a goal is."""


@dataclass(frozen=True, kw_only=True)
class WorldTask:
    """What is asked for."""

    data: Sequence[Path]
    minutes: float
    preset: str = "nano"
    camera: str | None = None
    size: str | None = None
    """ "HxW" of the whole picture; None: see `vlp.train.seen`."""
    device: str = "auto"
    cache: Path = Path(".cache")
    export: Path | None = None
    learning_rate: float | None = None
    start: Path | None = None
    """Weights of an earlier training to begin from."""
    kept: float = 0.0
    """Share of these in the weights that are written."""
    held_out: Path | None = None
    """A dataset that is only looked at, else a share of the episodes."""
    corrected: Sequence[Path] = ()
    """Datasets of what an expert did from where a policy got, for what acts."""
    timelapses: Sequence[Path] = ()
    """Datasets of pictures at any rate, of what is next and when it is over."""
    own: Sequence[Path] = ()
    """The same, of what an agent did by itself, for the VLM."""
    whole: bool = True
    """Whether the whole network is trained; else its action prior alone."""
    rolling: float = 0.0
    """Minutes of the rolling model, after the others."""
    flow: float = 0.0
    """Minutes of the flows, after the others."""
    dynamics: float = 0.0
    """Minutes of the dynamics, last of all."""
    trackers: Sequence[str] = ()
    """Of accelerate."""


def train(task: WorldTask, report: Callable[[str], None] = print) -> Path:
    """Train, going on from the cache's checkpoints; the folder of the weights.

    Raises FolderError for a dataset that cannot be learned from.
    """
    folder, place = _folder(task), choose_device(task.device)
    view, source = _seen(task)
    eye = 0.0 if task.start is not None or _begun(folder, EYE) else EYE_SHARE * task.minutes
    # A run that was stopped while its autoencoder was trained has no sketch yet.
    sketch = 0.0 if _begun(folder, SKETCH) or _begun(folder, WORLD) else SKETCH_SHARE * task.minutes
    ending = TERMINATION_SHARE * task.minutes
    if not task.whole:
        sketch = task.minutes - eye - ending
    run = WorldTraining(
        data=task.data,
        folder=folder,
        config=PRESETS[task.preset],
        minutes=max(0.0, task.minutes - eye - sketch - ending),
        whole=task.whole,
        rolling_minutes=task.rolling,
        flow_minutes=task.flow,
        dynamics_minutes=task.dynamics,
        termination_minutes=ending,
        autoencoder_minutes=eye,
        sketch_minutes=sketch,
        camera=view,
        device=place,
        learning_rate=task.learning_rate or 1.5e-3,
        workers=0 if place == "cpu" else WORKERS,
        start=task.start,
        kept=task.kept,
        held_out=task.held_out,
        corrected=task.corrected,
        timelapses=task.timelapses,
    )
    check_trackers(task.trackers)
    minutes = {
        EYE: run.autoencoder_minutes, SKETCH: run.sketch_minutes, WORLD: run.minutes,
        TERMINATION: run.termination_minutes,
        ROLLING: (CUT + TRACKED) * run.rolling_minutes, STEPS: GONE * run.rolling_minutes,
        FLOW: run.flow_minutes, DYNAMICS: run.dynamics_minutes,
    }  # fmt: skip
    with _said(), Watching(folder, minutes, task.trackers) as watching:
        bundle: LatentBundle = train_world(run, report, Onlookers(watching.tick, watching.watch))
    if task.export is not None and is_first():
        bundle.save(task.export)
    return _with_source(source, task.export or folder / "weights")


def train_words(task: WorldTask, report: Callable[[str], None] = print) -> Path:
    """The VLM beside it, on the same packed frames; the folder of the weights.

    Raises FolderError for a dataset that cannot be learned from.
    """
    with _said():
        beside = _beside(task, "vlm")
        run = VlmTraining(
            **beside | {"minutes": (1 - CHOICE_SHARE - PROGRESS_SHARE) * task.minutes},
            choice_minutes=CHOICE_SHARE * task.minutes, progress_minutes=PROGRESS_SHARE * task.minutes,
            learning_rate=task.learning_rate or 1e-3,
            corrected=task.corrected, timelapses=task.timelapses, own=task.own, start=task.start,
            kept=task.kept,
        )  # fmt: skip
        vlm = train_vlm(run, report)
    if task.export is not None:
        vlm.save(task.export / "vlm")
    return (task.export or _folder(task) / "weights") / "vlm"


def train_actions(task: WorldTask, report: Callable[[str], None] = print) -> Path:
    """The policy beside it, from a frame now and a frame wanted to actions; the folder of the weights.

    Raises FolderError for a dataset that cannot be learned from.
    """
    with _said():
        run = PolicyTraining(
            **_beside(task, "policy"), learning_rate=task.learning_rate or 1e-3, corrected=task.corrected
        )
        policy = train_policy(run, report)
    if task.export is not None:
        save(policy, task.export / "policy")
    return (task.export or _folder(task) / "weights") / "policy"


def _begun(folder: Path, part: str) -> bool:
    return (folder / part / CHECKPOINT).is_file()


def _folder(task: WorldTask) -> Path:
    return task.cache / FOLDER / task.preset


def _beside(task: WorldTask, name: str) -> dict[str, Any]:
    """What is asked of a model that stands beside the one of video and action."""
    place, folder = choose_device(task.device), _folder(task)
    return {
        "data": task.data,
        "world": folder,
        "sizes": PRESETS[task.preset],
        "folder": folder / name,
        "minutes": task.minutes,
        "camera": _seen(task)[0],
        "device": place,
        "workers": 0 if place == "cpu" else WORKERS,
    }


@contextmanager
def _said() -> Iterator[None]:
    """Data that cannot be learned from, as a mistake of whoever gave it."""
    try:
        yield
    except DatasetError as error:
        raise FolderError(f"data: {error}") from error
    except CheckpointError as error:
        raise FolderError(f"cache: {error}") from error


def _seen(task: WorldTask) -> tuple[str | None, Source | None]:
    """Cameras and size that are seen of the data, and what the data are.

    Data are looked at before anything is packed; what is packed already was. Raises FolderError for data that
    fail.
    """
    folder = _folder(task)
    with _said():
        view = training_view(task.data[0], task.camera, task.size)
    if (folder / "store" / ABOUT).is_file():
        return view, Source.load(folder)
    source = Source.of(*alike([checked(root, view) for root in task.data], task.data))
    folder.mkdir(parents=True, exist_ok=True)
    source.save(folder)
    return view, source


def _with_source(source: Source | None, weights: Path) -> Path:
    if source is not None:
        source.save(weights)
    return weights
