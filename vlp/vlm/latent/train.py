"""Training of the learned VLM on a dataset, from its pictures and words alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tasks.data.layout import DatasetError
from tasks.learning.feeding import feed
from tasks.learning.trainer import CHECKPOINT, TrainConfig, Trainer
from video.latent import text
from video.latent.beside import BesideTraining
from video.latent.bundle import LatentBundle
from video.latent.clips import Frames
from video.latent.corrected import corrections
from video.latent.ends import TASK
from video.latent.keeping import keep
from video.latent.latents import Latents
from video.latent.prior import ActionPrior
from video.latent.split import latents_of, part
from video.latent.store import FrameStore
from vlp.errors import WeightsError
from vlp.latent.folder import VLM
from vlp.vlm.latent import words
from vlp.vlm.latent.choice import ChosenSubgoals, Said, SubgoalChoice, joined, told, train_choice
from vlp.vlm.latent.lessons import Clock, Lessons, mixed
from vlp.vlm.latent.model import Hints, Network, NetworkConfig, build, loss
from vlp.vlm.latent.progress import Progress, TaskMoments, train_progress
from vlp.vlm.latent.vlm import CHOICE, CLOCK, PROGRESS, TOKENIZER, Begun, LatentVLM

NETWORK, START = "network", "start.txt"
"""In a training's folder, and in it by which words it was begun."""


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
    kept: float = 0.0
    """Share of the start's weights in those that are written, see video.latent.keeping."""


def train_vlm(run: VlmTraining, report: Callable[[str], None] = print) -> LatentVLM:
    """Train for so many minutes, going on from the folder's checkpoint; writes and returns the VLM.

    Raises DatasetError for data that cannot be learned from, and where the model of video is not there;
    WeightsError for a start that is none, and where a checkpoint was begun from another one.
    """
    start = _start(run)
    whole, all_latents, eye = run.frames(report)
    world = run.model()
    begun = None if start is None else _begun(start, run, eye, world)
    store, latents = _heard(whole, all_latents, world.tokenizer, report)
    tokenizer = words.learn(store.texts) if begun is None else begun.tokenizer
    lapses, own = (
        _others(run, some, eye, whole, world, report, any_rate=True) for some in (run.timelapses, run.own)
    )
    corrected = _others(run, run.corrected, eye, whole, world, report)
    first = Lessons(store, latents, tokenizer, world.tokenizer, clock=None if begun is None else begun.clock)
    clock = first.clock
    ends = [Lessons(*some, tokenizer, world.tokenizer, ends=True, clock=clock) for some in corrected]
    more = [Lessons(*some, tokenizer, world.tokenizer, clock=clock) for some in [*lapses, *own]]
    torch.manual_seed(2)
    model = _network(run, world, all_latents, tokenizer) if begun is None else begun.network
    before = {} if begun is None or not run.kept else begun.states()
    seen = [(store, latents), *lapses, *own]
    said: Said = told([some for some, _ in seen])
    said = said if begun is None else joined(begun.said, said)
    choices = [ChosenSubgoals(*some, world.tokenizer, said) for some in seen]
    minutes = run.minutes + (0.0 if any(map(len, choices)) else run.choice_minutes)
    config = TrainConfig(minutes=minutes, learning_rate=run.learning_rate, muon=True, device=run.device)
    trainer = Trainer(model, lambda batch: loss(model, batch), run.folder / NETWORK, config)
    if minutes:
        batches = feed(lambda seed: mixed(first, ends, more, run.batch, seed), trainer.seed, run.workers)
        trainer.run(batches, report)
    record = trainer.record()
    trained: Any = trainer.averaged().cpu()
    subgoals = {words.plain(store.texts[number]) for number in np.unique(store.text[:, 0])}
    subgoals |= set() if begun is None else begun.subgoals
    choice = _chosen(run, world, choices, begun, report)
    progress = _progress(run, world, seen, clock, begun, report)
    for model_after, name in ((trained, "network"), (choice, "choice"), (progress, "progress")):
        if name in before and model_after is not None:
            keep(model_after, before[name], run.kept)
    vlm = LatentVLM(trained, eye.cpu(), tokenizer, world.tokenizer, clock, subgoals, choice, said, progress)
    vlm.save(run.world / "weights" / VLM)
    (run.folder / "record.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return vlm


def _start(run: VlmTraining) -> LatentVLM | None:
    """The VLM that a run begins from. Its words and its clock are those of its checkpoints, too, so a run
    that goes on must be given the same."""
    vlm = None if run.start is None else LatentVLM.load(run.start / VLM)
    kept, told = run.folder / START, "" if run.start is None else _told_apart(run.start / VLM)
    if not (run.folder / NETWORK / CHECKPOINT).is_file():
        run.folder.mkdir(parents=True, exist_ok=True)
        kept.write_text(told + "\n", encoding="utf-8")
    elif told != (before := kept.read_text(encoding="utf-8").strip() if kept.is_file() else ""):
        named = ["none" if one == "" else f"those of words {one}" for one in (before, told)]
        raise WeightsError(
            f"start: expected the weights that the training in {run.folder} began from ({named[0]}), got "
            f"{named[1]}; give the same --start, or another --cache"
        )
    return vlm


def _told_apart(folder: Path) -> str:
    """What tells VLMs apart by whose words and clock something was trained."""
    seen = hashlib.sha256((folder / CLOCK).read_bytes())
    for path in sorted((folder / TOKENIZER).iterdir()):
        seen.update(path.read_bytes())
    return seen.hexdigest()[:16]


def _begun(start: LatentVLM, run: VlmTraining, eye: Any, world: LatentBundle) -> Begun:
    """Its parts. Raises WeightsError where it stands beside another model of video."""
    try:
        return start.begin(eye, world.tokenizer)
    except ValueError as error:
        raise WeightsError(
            f"start: expected a VLM in {run.start} that stands beside this model of video, got {error}; "
            "train that with --start of the same weights first"
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
    world: LatentBundle,
    report: Callable[[str], None],
    *,
    any_rate: bool = False,
) -> list[tuple[FrameStore, Frames]]:
    """Frames and latents of what is learned from beside the first."""
    if not roots:
        return []
    found = corrections(roots, run.world, eye, store, camera=run.camera, any_rate=any_rate, report=report)
    return [_heard(*found, world.tokenizer, report)]


def _heard(
    store: FrameStore, latents: Frames, reader: Any, report: Callable[[str], None]
) -> tuple[FrameStore, Frames]:
    """The episodes whose task is read to its end: of others it would be learned that half of it is all.
    Raises DatasetError where there are none."""
    heard = np.array([not text.cut(reader, one) for one in store.texts])[store.text[store.start, TASK]]
    if heard.all():
        return store, latents
    if not heard.any():
        raise DatasetError(
            f"expected tasks of at most {text.MAX_TOKENS} tokens as the model of video reads them, got "
            "longer ones alone; say them in fewer words"
        )
    report(f"{(~heard).sum()} of {len(heard)} episodes are left out: their tasks are too long to be read")
    some = part(store, heard)
    return some, latents_of(latents, some)


def _chosen(
    run: VlmTraining,
    world: LatentBundle,
    choices: Sequence[ChosenSubgoals],
    begun: Begun | None,
    report: Callable[[str], None],
) -> SubgoalChoice | None:
    """What chooses among subgoals."""
    first, *others = choices
    config = TrainConfig(minutes=run.choice_minutes, learning_rate=run.learning_rate, device=run.device)
    # Time lapses show many times as many boards.
    return train_choice(
        _sight(world), world.scale, [first, *others, *others], run.folder / CHOICE, config,
        size=run.batch // 2, begun=None if begun is None else begun.choice, workers=run.workers,
        report=report,
    )  # fmt: skip


def _progress(
    run: VlmTraining,
    world: LatentBundle,
    seen: Sequence[tuple[FrameStore, Frames]],
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
