"""Training of the learned VLM on a dataset, from its pictures and words alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tasks.data.layout import DatasetError
from tasks.learning.feeding import feed
from tasks.learning.trainer import TrainConfig, Trainer
from video.latent.beside import BesideTraining
from video.latent.bundle import LatentBundle
from video.latent.corrected import corrections
from video.latent.latents import Latents
from video.latent.prior import ActionPrior
from video.latent.store import FrameStore
from vlp.errors import WeightsError
from vlp.latent.folder import VLM
from vlp.vlm.latent import words
from vlp.vlm.latent.choice import ChosenSubgoals, Said, SubgoalChoice, joined, told, train_choice
from vlp.vlm.latent.lessons import Clock, Lessons, mixed
from vlp.vlm.latent.model import Hints, Network, NetworkConfig, build, loss
from vlp.vlm.latent.progress import Progress, TaskMoments, train_progress
from vlp.vlm.latent.vlm import CHOICE, PROGRESS, Begun, LatentVLM


@dataclass(frozen=True, kw_only=True)
class VlmTraining(BesideTraining):
    """What a run is asked for."""

    config: NetworkConfig = field(default_factory=NetworkConfig)
    learning_rate: float = 1e-3
    batch: int = 32
    corrected: Sequence[Path] = ()
    """Datasets that begin where a policy got, which are asked for the ends of subgoals, too."""
    timelapses: Sequence[Path] = ()
    """Datasets of pictures at any rate, which most questions are about."""
    own: Sequence[Path] = ()
    """The same, of what an agent did by itself, and of what would have been next: as many questions are about
    these as about the others, of which there are many more."""
    choice_minutes: float = 0.0
    """Of what chooses among subgoals, after the network."""
    progress_minutes: float = 0.0
    """Of what tells how far a goal is, last of all."""
    start: Path | None = None
    """Weights of an earlier training, whose VLM those parts begin from that have no checkpoint; its words and
    its clock are kept."""


def train_vlm(run: VlmTraining, report: Callable[[str], None] = print) -> LatentVLM:
    """Train for so many minutes, going on from the folder's checkpoint; writes and returns the VLM.

    Raises DatasetError for data that cannot be learned from, and where the model of video is not there.
    """
    store, latents, eye = run.frames(report)
    world = run.model()
    begun = _begun(run, eye, world)
    tokenizer = words.learn(store.texts) if begun is None else begun.tokenizer
    lapses, own = (
        _others(run, some, eye, store, report, any_rate=True) for some in (run.timelapses, run.own)
    )
    corrected = _others(run, run.corrected, eye, store, report)
    first = Lessons(store, latents, tokenizer, world.tokenizer, clock=None if begun is None else begun.clock)
    clock = first.clock
    ends = [Lessons(*some, tokenizer, world.tokenizer, ends=True, clock=clock) for some in corrected]
    more = [Lessons(*some, tokenizer, world.tokenizer, clock=clock) for some in [*lapses, *own]]
    torch.manual_seed(2)
    model = _network(run, world, latents, tokenizer) if begun is None else begun.network
    seen = [(store, latents), *lapses, *own]
    said: Said = told([some for some, _ in seen])
    minutes = run.minutes + (0.0 if said else run.choice_minutes)  # where nothing can be chosen
    config = TrainConfig(minutes=minutes, learning_rate=run.learning_rate, muon=True, device=run.device)
    trainer = Trainer(model, lambda batch: loss(model, batch), run.folder / "network", config)
    if minutes:
        batches = feed(lambda seed: mixed(first, ends, more, run.batch, seed), trainer.seed, run.workers)
        trainer.run(batches, report)
    record = trainer.record()
    trained: Any = trainer.averaged().cpu()
    subgoals = {words.plain(store.texts[number]) for number in np.unique(store.text[:, 0])}
    subgoals |= set() if begun is None else begun.subgoals
    said = said if begun is None else joined(begun.said, said)
    chosen = _chosen(run, world, seen, said, begun, report)
    progress = _progress(run, world, seen, clock, begun, report)
    vlm = LatentVLM(trained, eye.cpu(), tokenizer, world.tokenizer, clock, subgoals, *chosen, progress)
    vlm.save(run.world / "weights" / VLM)
    (run.folder / "record.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return vlm


def _begun(run: VlmTraining, eye: Any, world: LatentBundle) -> Begun | None:
    """What a run goes on from. Raises DatasetError where there is none, or it stands beside another model."""
    if run.start is None:
        return None
    try:
        return LatentVLM.load(run.start / VLM).begin(eye, world.tokenizer)
    except WeightsError as error:
        raise DatasetError(str(error)) from error
    except ValueError as error:
        raise DatasetError(
            f"expected a VLM in {run.start} that stands beside this model of video, got {error}; train that "
            "with --start of the same weights first"
        ) from error


def _network(run: VlmTraining, world: LatentBundle, latents: Latents, tokenizer: Any) -> Network:
    """An untrained one."""
    hints = Hints.of(world.prior, world.scale, run.config.width)
    return Network(build(len(tokenizer), latents.shape, run.config), hints)


def _others(
    run: VlmTraining,
    roots: Sequence[Path],
    eye: Any,
    store: FrameStore,
    report: Callable[[str], None],
    *,
    any_rate: bool = False,
) -> list[tuple[FrameStore, Latents]]:
    """Frames and latents of what is learned from beside the first."""
    if not roots:
        return []
    return [corrections(roots, run.world, eye, store, camera=run.camera, any_rate=any_rate, report=report)]


def _chosen(
    run: VlmTraining,
    world: LatentBundle,
    seen: Sequence[tuple[FrameStore, Latents]],
    said: Said,
    begun: Begun | None,
    report: Callable[[str], None],
) -> tuple[SubgoalChoice | None, Said]:
    """What chooses among subgoals, and these."""
    first, *others = [ChosenSubgoals(*some, world.tokenizer, said) for some in seen]
    config = TrainConfig(minutes=run.choice_minutes, learning_rate=run.learning_rate, device=run.device)
    # Time lapses show many times as many boards.
    choice = train_choice(
        _sight(world), world.scale, [first, *others, *others], run.folder / CHOICE, config,
        size=run.batch // 2, begun=None if begun is None else begun.choice, workers=run.workers,
        report=report,
    )  # fmt: skip
    return choice, said if choice is not None else {}


def _progress(
    run: VlmTraining,
    world: LatentBundle,
    seen: Sequence[tuple[FrameStore, Latents]],
    clock: Clock,
    begun: Begun | None,
    report: Callable[[str], None],
) -> Progress | None:
    """What tells how far a goal is."""
    # Time lapses end as soon as all is done.
    first, *others = [
        TaskMoments(*some, world.tokenizer, clock, at_once=number > 0) for number, some in enumerate(seen)
    ]
    config = TrainConfig(minutes=run.progress_minutes, learning_rate=run.learning_rate / 2, device=run.device)
    return train_progress(
        _sight(world), world.scale, [first, *others, *others, *others], run.folder / PROGRESS, config,
        size=2 * run.batch, begun=None if begun is None else begun.progress, workers=run.workers,
        report=report,
    )  # fmt: skip


def _sight(world: LatentBundle) -> ActionPrior:
    """What looks closest: it sees whether subgoals are over."""
    return world.prior if world.termination is None else world.termination.sight
