"""Trainings of the parts of the model of video and action, each with what it begins from and who looks on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tasks.learning.feeding import feed
from tasks.learning.trainer import CHECKPOINT, TrainConfig, Trainer, TrainingMoment
from video.latent import flow as flowing
from video.latent.asked import (
    ALONE,
    DYNAMICS,
    FLOW,
    ROLLING,
    SKETCH,
    TERMINATION,
    WORLD,
    Onlookers,
    WorldTraining,
)
from video.latent.beats import Beats
from video.latent.bundle import LatentBundle
from video.latent.clips import Frames, LatentClips, beat_of
from video.latent.corrected import ClipSamples
from video.latent.dynamics import BEAT, Dynamics
from video.latent.dynamics_training import train_dynamics
from video.latent.films import Films
from video.latent.flow import FlowDynamics
from video.latent.flow_training import train_flow
from video.latent.flow_windows import FlowWindows
from video.latent.model import WorldModel
from video.latent.prior import ActionPrior
from video.latent.rolling import FINE, Rolling
from video.latent.rolling_training import RollingTraining, train_rolling
from video.latent.sketch import MORE, PARTS, train_sketch
from video.latent.store import FrameStore
from video.latent.termination import Endings, Termination, train_termination
from video.latent.train import loss
from video.latent.transitions import Transitions


def sketch(
    run: WorldTraining,
    clips: ClipSamples,
    model: WorldModel | ActionPrior,
    report: Callable[[str], None],
    onlookers: Onlookers,
) -> None:
    """The network's small parts, or a prior alone, before all else."""
    config = TrainConfig(
        minutes=run.sketch_minutes, steps=run.sketch_steps, learning_rate=run.learning_rate, device=run.device
    )
    folder = run.folder / (SKETCH if run.whole else ALONE)
    train_sketch(
        model, clips, folder, config, size=run.config.batch, workers=run.workers, report=report,
        tick=lambda seconds: onlookers.tick(SKETCH, seconds),
        watch=lambda moment: onlookers.watch(SKETCH, moment),
    )  # fmt: skip


def termination(
    run: WorldTraining,
    seen: Sequence[tuple[FrameStore, Frames]],
    bundle: LatentBundle,
    report: Callable[[str], None],
    onlookers: Onlookers,
) -> Termination | None:
    """What tells when a subgoal is over."""
    endings = [Endings(*some, bundle.tokenizer, bundle.scale) for some in seen]
    config = TrainConfig(
        minutes=run.termination_minutes, steps=run.termination_steps, learning_rate=run.learning_rate,
        device=run.device,
    )  # fmt: skip
    return train_termination(
        bundle.prior, endings, run.folder / TERMINATION, config, size=MORE * run.config.batch,
        begun=bundle.termination, workers=run.workers, report=report,
        tick=lambda seconds: onlookers.tick(TERMINATION, seconds),
        watch=lambda moment: onlookers.watch(TERMINATION, moment),
    )  # fmt: skip


def rolling(
    run: WorldTraining,
    clips: LatentClips,
    bundle: LatentBundle,
    frames: tuple[FrameStore, Frames],
    report: Callable[[str], None],
    onlookers: Onlookers,
) -> Rolling | None:
    """What goes on from the sketch a short way at a time."""
    prior = bundle.prior
    pixels = bundle.size[0] // prior.config.size[1]
    fine = min(FINE, pixels)
    beats = Beats(*frames, clips.scale, bundle.tokenizer, stride=clips.stride, small=pixels // fine)
    config = TrainConfig(
        minutes=run.rolling_minutes, steps=run.rolling_steps, learning_rate=run.learning_rate,
        device=run.device,
    )  # fmt: skip
    training = RollingTraining(
        folder=run.folder / ROLLING, config=config, size=run.config.batch, workers=run.workers, report=report,
        onlookers=onlookers,
    )  # fmt: skip
    actions = len(clips.scale.action_mean)
    return train_rolling(prior, beats, prior.config.size, fine, actions, training, bundle.rolling)


def flow(
    run: WorldTraining,
    store: FrameStore,
    bundle: LatentBundle,
    report: Callable[[str], None],
    onlookers: Onlookers,
) -> FlowDynamics | None:
    """What imagines a beat at a time by where things were seen before."""
    if not (run.flow_minutes or (run.folder / FLOW / CHECKPOINT).is_file()):
        return bundle.flow
    config = TrainConfig(
        minutes=run.flow_minutes, steps=run.flow_steps, learning_rate=run.learning_rate, device=run.device
    )
    return train_flow(
        FlowWindows(store, bundle.scale, beat_of(bundle.stride, flowing.BEAT)), len(bundle.scale.action_mean),
        run.folder / FLOW, config,
        size=4 * run.config.batch, widths=run.config.flow_widths, begun=bundle.flow, workers=run.workers,
        report=report,
        tick=lambda seconds: onlookers.tick(FLOW, seconds),
        watch=lambda moment: onlookers.watch(FLOW, moment),
    )  # fmt: skip


def dynamics(
    run: WorldTraining,
    seen: Sequence[tuple[FrameStore, Frames]],
    bundle: LatentBundle,
    report: Callable[[str], None],
    onlookers: Onlookers,
) -> Dynamics | None:
    """What imagines and explains a beat at a time."""
    beat = beat_of(bundle.stride, BEAT)
    config = TrainConfig(
        minutes=run.dynamics_minutes, steps=run.dynamics_steps, learning_rate=run.learning_rate,
        device=run.device,
    )  # fmt: skip
    return train_dynamics(
        [Transitions(*some, bundle.scale, beat) for some in seen],
        bundle.prior.config.size, len(bundle.scale.action_mean), bundle.stride, run.folder / DYNAMICS, config,
        size=2 * run.config.batch, widths=run.config.dynamics_widths, begun=bundle.dynamics,
        workers=run.workers, report=report,
        tick=lambda seconds: onlookers.tick(DYNAMICS, seconds),
        watch=lambda moment: onlookers.watch(DYNAMICS, moment),
    )  # fmt: skip


def transformer(
    run: WorldTraining,
    clips: ClipSamples,
    bundle: LatentBundle,
    report: Callable[[str], None],
    onlookers: Onlookers,
    films: Films | None,
) -> dict[str, Any]:
    """Train the bundle's network; the record."""
    config, model, motion = run.config, bundle.whole, clips.scale.motion
    training = TrainConfig(
        minutes=run.minutes, steps=run.steps, learning_rate=run.learning_rate, muon=True, ema_decay=0.999,
        slow=PARTS, device=run.device,
    )  # fmt: skip
    trainer = Trainer(model, lambda b: loss(model, motion, b), run.folder / WORLD, training)

    def watch(moment: TrainingMoment) -> None:
        seen = {} if films is None else films.look(trainer, moment)
        onlookers.watch(WORLD, replace(moment, means={**moment.means, **seen}))

    if run.minutes:
        trainer.run(
            feed(lambda seed: clips.batches(config.batch, seed), trainer.seed, run.workers),
            report,
            tick=lambda seconds: onlookers.tick(WORLD, seconds),
            watch=watch,
        )
    record = trainer.record()
    bundle.network = trainer.averaged().cpu()  # type: ignore[assignment]
    return record
