"""Training of the whole model on a dataset: pack, autoencoder, latents, transformer; weights as it goes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tasks.data.layout import DatasetError
from tasks.learning.parallel import first_goes_first, is_first
from tasks.learning.trainer import CHECKPOINT
from video.latent import part_training, text
from video.latent.asked import WORLD, Onlookers, WorldTraining, fill, started
from video.latent.bundle import LatentBundle
from video.latent.clips import LatentClips
from video.latent.config import LatentConfig
from video.latent.corrected import CorrectedClips, corrections
from video.latent.eye import train_autoencoder
from video.latent.films import Films
from video.latent.keeping import State, keep, state_of
from video.latent.latents import Latents, SeenLatents
from video.latent.model import WorldModel
from video.latent.split import latents_of, split
from video.latent.store import FrameStore, pack


def train_world(
    run: WorldTraining, report: Callable[[str], None] = print, onlookers: Onlookers | None = None
) -> LatentBundle:
    """Train for so many minutes, going on from the folder's checkpoints; writes and returns the weights.

    Raises DatasetError for data that cannot be learned from.
    """
    onlookers = onlookers or Onlookers()
    with first_goes_first(run.device):
        whole = _packed(run, report)
        store, held = _apart(run, whole, report)
    eye = train_autoencoder(run, store, report, onlookers)
    with first_goes_first(run.device):
        latents = Latents(eye, whole, run.folder / "latents")
    begun = started(run)
    tokenizer = text.learn(store.texts) if begun is None else begun.tokenizer
    clips = LatentClips(store, latents_of(latents, store), tokenizer, run.config)
    # Of all that there is, as the models beside this one measure it: what is held out weighs little there.
    clips.scale = LatentClips(whole, latents, tokenizer, run.config).scale if begun is None else begun.scale
    report(f"{len(store)} frames, {len(clips)} clips, {len(store.texts)} texts")
    height, width = store.frames.shape[1:3]
    model: Any = network(run.config, clips, tokenizer)
    model = model if run.whole else model.prior
    if begun is not None:
        both = begun.is_whole and run.whole  # else what both have: the prior
        fill(model.prior if run.whole and not both else model, begun.network if both else begun.prior)
    before = _before(run, begun)
    bundle = LatentBundle(eye, model, tokenizer, clips.scale, (height, width), clips.stride, store.fps)
    if store.exposure is not None:
        bundle.exposure = store.exposure.widened(None if begun is None else begun.exposure)
    films = None if held is None or not run.whole else _films(run, bundle, held, latents, report)
    more = _beside(run, run.corrected, eye, store, report)
    learned = CorrectedClips(clips, LatentClips(*more[0], tokenizer, run.config)) if more else clips
    if not (run.folder / WORLD / CHECKPOINT).is_file():
        part_training.sketch(run, learned, model, report, onlookers)
    record = part_training.transformer(run, learned, bundle, report, onlookers, films) if run.whole else {}
    if begun is not None:
        bundle.rolling, bundle.termination, bundle.dynamics = begun.rolling, begun.termination, begun.dynamics
        bundle.flow = begun.flow
    lapses = _beside(run, run.timelapses, eye, store, report, any_rate=True)
    seen = [(store, latents_of(latents, store)), *more, *lapses]
    bundle.termination = part_training.termination(run, seen, bundle, report, onlookers)
    bundle.rolling = part_training.rolling(
        run, clips, bundle, (store, latents_of(latents, store)), report, onlookers
    )
    bundle.flow = part_training.flow(run, store, bundle, report, onlookers)
    bundle.dynamics = part_training.dynamics(run, seen[: 1 + len(more)], bundle, report, onlookers)
    for part, state in before.items():
        keep(getattr(bundle, part), state, run.kept)
    if is_first():
        write_weights(bundle, run.folder / "weights")
        _write_record(run, record)
    return bundle


def _before(run: WorldTraining, begun: LatentBundle | None) -> dict[str, State]:
    """The weights, by a bundle's parts, of which something is kept."""
    if begun is None or not run.kept:
        return {}
    first = "network" if begun.is_whole and run.whole else "prior"
    parts = {part: getattr(begun, part) for part in (first, "termination", "rolling", "flow", "dynamics")}
    return {part: state_of(model) for part, model in parts.items() if model is not None}


def write_weights(bundle: LatentBundle, folder: Path) -> None:
    """Write a folder of weights: what is there stays until all of the new ones are, and what stands beside
    them stays."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        bundle.save(partial)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    folder.mkdir(exist_ok=True)
    for path in partial.iterdir():
        own = folder / path.name
        if own.is_dir():
            shutil.rmtree(own)
        path.replace(own)
    partial.rmdir()


def _packed(run: WorldTraining, report: Callable[[str], None]) -> FrameStore:
    """All data; their pictures only where something looks at them, else what the autoencoder sees in them."""
    begun = None if run.looks else started(run)
    return pack(
        run.data, run.folder / "store", camera=run.camera, report=report, pictures=run.looks,
        see=None
        if begun is None
        else lambda: SeenLatents(begun.autoencoder.to(run.device), run.folder / "latents"),
    )  # fmt: skip


def _apart(
    run: WorldTraining, whole: FrameStore, report: Callable[[str], None]
) -> tuple[FrameStore, FrameStore | None]:
    """What is trained on and what is held out. Raises DatasetError for a held-out one of other pictures."""
    stride = max(1, round(run.config.seconds * whole.fps))
    if not (whole.ends()[:, 0] - np.arange(len(whole)) > stride).any():
        raise DatasetError(f"expected episodes of more than {stride} frames, got none; give longer ones")
    if not whole.acted.any():
        if not run.whole:
            raise DatasetError("expected actions for a prior of them, got none; train without --no-whole")
        report("no actions in the data: video alone is learned, and `explain` and `act` will mean nothing")
    if bool((whole.text[:, 0] == whole.text[:, 1]).all()):
        report("no subgoals in the data: the tasks' own words are learned")
    if run.held_out is None:
        store, held = split(whole, run.share)
        if held is None:
            report("one episode in the data: nothing is held out")
        return store, held
    held = pack([run.held_out], run.folder / "held-out", camera=run.camera, report=report)
    if (held.frames.shape[1:], held.fps) != (whole.frames.shape[1:], whole.fps):
        raise DatasetError(
            f"expected a held-out dataset of pictures {whole.frames.shape[1:]} at {whole.fps} a second, got "
            f"{held.frames.shape[1:]} at {held.fps} in {run.held_out}; give one of the same camera"
        )
    return whole, held


def _beside(
    run: WorldTraining,
    roots: Sequence[Path],
    eye: Any,
    store: FrameStore,
    report: Callable[[str], None],
    *,
    any_rate: bool = False,
) -> list[tuple[FrameStore, Latents]]:
    """What is learned from beside the demonstrations, where there is something."""
    if not roots:
        return []
    with first_goes_first(run.device):
        return [
            corrections(roots, run.folder, eye, store, camera=run.camera, any_rate=any_rate, report=report)
        ]


def _films(
    run: WorldTraining,
    bundle: LatentBundle,
    held: FrameStore,
    latents: Latents,
    report: Callable[[str], None],
) -> Films | None:
    own = latents_of(latents, held) if run.held_out is None else Latents(bundle.autoencoder, held)
    try:
        clips = LatentClips(held, own, bundle.tokenizer, run.config)
        clips.scale = bundle.scale
        return Films(run.folder / "filmstrips", bundle, held, clips)
    except ValueError as error:
        report(f"nothing of what was held out is long enough to be shown: {error}")
        return None


def network(config: LatentConfig, clips: LatentClips, tokenizer: Any) -> WorldModel:
    """An untrained one for such clips and words."""
    torch.manual_seed(1)
    sample = clips.at(clips.starts[:1])
    _, _, channels, height, width = sample["latents"].shape
    model: WorldModel = WorldModel(
        frames=config.frames,
        channels=channels,
        height=height,
        width_=width,
        chunk=sample["actions"].shape[-1],
        vocabulary=len(tokenizer),
        motion=clips.scale.motion,
        width=config.width,
        layers=config.layers,
        heads=config.heads,
        text_layers=config.text_layers,
    )
    return model


def _write_record(run: WorldTraining, record: dict[str, Any]) -> None:
    about = record | {"sizes": asdict(run.config), "data": [path.name for path in run.data]}
    (run.folder / "record.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
