"""Train, evaluate and write weights within a few minutes of a GPU, from packed latents and nothing else.

    python -m video.latent.gpu pack .cache/world/nano packed           # where the data are
    python -m video.latent.gpu train packed "$OUT" --preset base --minutes 8    # where the GPU is

The second needs torch, numpy, diffusers, transformers and this package's video/ and tasks/: no PyBullet,
nothing that decodes videos. Called again with the same --work, it goes on from where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch
from PIL import Image
from torch import Tensor, nn

from tasks.learning.curve import Curve
from tasks.learning.feeding import feed
from tasks.learning.trainer import CHECKPOINT, TrainConfig, Trainer, TrainingMoment
from video.latent import autoencoder as pictures
from video.latent import text
from video.latent.bundle import LatentBundle
from video.latent.clips import LatentClips, beat_of
from video.latent.compiling import compiled
from video.latent.config import PRESETS, LatentConfig
from video.latent.dynamics import BEAT, Dynamics
from video.latent.dynamics_training import train_dynamics
from video.latent.films import averaged
from video.latent.latents import Latents
from video.latent.model import WorldModel
from video.latent.packed import Packed, read, write
from video.latent.pipeline import LatentPipeline
from video.latent.prior import ActionPrior
from video.latent.run import network, write_weights
from video.latent.samples import beside, figures, held_out
from video.latent.sketch import PARTS, RATE, train_sketch
from video.latent.split import latents_of, split
from video.latent.store import load
from video.latent.train import loss
from video.latent.transitions import RollingLoss, Transitions

MEGABYTES: Final = 60.0
"""Of what is packed."""
HELD_OUT_CLIPS: Final = 32
RESERVE: Final = 0.12
"""Share of the minutes that is kept for evaluating and writing."""
SKETCH_SHARE: Final = 0.06
"""Share of the minutes that the small parts get before the whole."""
DYNAMICS_SHARE: Final = 0.45
"""Share of the minutes that the dynamics get, which learn from the same clips, beat by beat."""
DYNAMICS_BATCH: Final = 640
SAVE_SECONDS: Final = 100.0
"""Between two sets of weights: what is left when the time is cut short."""
GPU_WORKERS: Final = 7


@dataclass(frozen=True, kw_only=True)
class GpuTraining:
    """What is asked for."""

    packed: Path
    out: Path
    """Gets weights/, figures.json, held-out.png, curve.jsonl and record.json."""
    config: LatentConfig
    minutes: float
    """All in all, from reading to writing."""
    work: Path
    """Of the checkpoint."""
    device: str
    learning_rate: float
    whole: bool = True
    """Whether the whole network is trained, else its action prior alone."""
    report_seconds: float = 10.0


def pack_world(
    world: Path, out: Path, *, config: LatentConfig, every: int, megabytes: float, device: str = "cpu"
) -> int:
    """Pack what `vlp train world` has in its folder, store and autoencoder; how many bytes it takes."""
    whole = load(world / "store")
    store, held = split(whole)
    stride = max(1, round(config.seconds * store.fps))
    model = pictures.build(config)
    trainer = Trainer(model, lambda b: (torch.zeros(()), {}), world / "autoencoder", TrainConfig())
    if not trainer.step:
        raise SystemExit(f"expected a trained autoencoder in {world}, got none; train it first")
    eye = trainer.averaged().to(device)
    clips = held_out(held or store, frames=config.frames, stride=stride, count=HELD_OUT_CLIPS)
    latents = latents_of(Latents(eye, whole, world / "latents"), store)
    most = int(megabytes * 1_000_000)
    return write(out, store, latents, eye, clips, stride=stride, every=every, most=most)


def train(run: GpuTraining, report: Callable[[str], None] = print) -> dict[str, float]:
    """Train for what the minutes leave, evaluate, write; the figures of held-out clips."""
    begun = time.monotonic()
    packed = read(run.packed)
    tokenizer = text.learn(packed.store.texts)
    clips = LatentClips(packed.store, packed.latents, tokenizer, run.config)
    clips.begin_at(packed.starts)
    model: Any = network(run.config, clips, tokenizer)
    bundle = LatentBundle(
        packed.autoencoder, model if run.whole else model.prior, tokenizer, clips.scale, packed.size,
        clips.stride, packed.store.fps, exposure=packed.store.exposure,
    )  # fmt: skip
    report(f"{len(clips)} clips, {_count(bundle.network):,} parameters, read in {_since(begun)}")
    run.out.mkdir(parents=True, exist_ok=True)
    if run.whole:
        trainer = _trained(run, bundle, clips, begun, report)
        bundle.network, record = trainer.averaged(), trainer.record()  # type: ignore[assignment]
    else:
        record = _sketched(run, bundle.prior, clips, 1 - RESERVE - DYNAMICS_SHARE, report)
    write_weights(bundle, run.out / "weights")
    _note(run.out / "record.json", record)
    _dynamics(run, bundle, packed, begun, report)
    write_weights(bundle, run.out / "weights")
    found = _evaluate(bundle, packed, run)
    report(f"evaluated and written after {_since(begun)} of {run.minutes:g} min: {json.dumps(found)}")
    return found


def _trained(
    run: GpuTraining,
    bundle: LatentBundle,
    clips: LatentClips,
    begun: float,
    report: Callable[[str], None],
) -> Trainer:
    model, motion = bundle.whole.to(run.device), clips.scale.motion
    if not (run.work / CHECKPOINT).is_file():
        _sketched(run, model, clips, SKETCH_SHARE, report)
    left = run.minutes * (1 - RESERVE - DYNAMICS_SHARE) - (time.monotonic() - begun) / 60
    settings = TrainConfig(
        minutes=left, learning_rate=run.learning_rate, muon=True, slow=PARTS, device=run.device,
        report_seconds=run.report_seconds, checkpoint_seconds=1e9,
    )  # fmt: skip
    asked: list[nn.Module] = [model]  # the compiled one, where it works
    trainer = Trainer(model, lambda b: loss(asked[0], motion, b), run.work, settings)  # type: ignore[arg-type]
    batches = feed(lambda seed: clips.batches(run.config.batch, seed), trainer.seed, _workers(run))
    compiling = time.monotonic()
    asked[0] = compiled(model, lambda net, batch: loss(net, motion, batch)[0], next(batches), report)  # type: ignore[arg-type]
    trainer.config = replace(settings, minutes=max(0.0, left - (time.monotonic() - compiling) / 60))
    curve, due = Curve(run.out / "curve.jsonl"), [SAVE_SECONDS]

    def watch(moment: TrainingMoment) -> None:
        curve.add(moment)
        if moment.used >= due[0] and moment.left > 0:
            due[0] = moment.used + SAVE_SECONDS
            averaged(trainer, lambda: _save(bundle, run.out / "weights"))

    trainer.run(batches, report, watch=watch)
    return trainer


def _sketched(
    run: GpuTraining,
    model: WorldModel | ActionPrior,
    clips: LatentClips,
    share: float,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """For a share of the minutes; its record."""
    config = TrainConfig(
        minutes=run.minutes * share, learning_rate=run.learning_rate, device=run.device,
        report_seconds=run.report_seconds, checkpoint_seconds=1e9,
    )  # fmt: skip
    return train_sketch(
        model, clips, run.work / "sketch", config, size=run.config.batch, workers=_workers(run), report=report
    )


def _dynamics(
    run: GpuTraining,
    bundle: LatentBundle,
    packed: Packed,
    begun: float,
    report: Callable[[str], None],
) -> None:
    """Train them, with all latents where they are computed with."""
    beat = beat_of(bundle.stride, BEAT)
    windows = Transitions(packed.store, packed.latents.to(run.device), bundle.scale, beat)
    windows.begin_at(packed.starts)
    left = run.minutes * (1 - RESERVE) - (time.monotonic() - begun) / 60
    config = TrainConfig(
        minutes=max(0.0, left), learning_rate=min(RATE, run.learning_rate), device=run.device,
        report_seconds=run.report_seconds, checkpoint_seconds=1e9,
    )  # fmt: skip

    def fast_one(model: Dynamics, batch: Mapping[str, Tensor]) -> Any:
        loss = RollingLoss(model)
        return compiled(model, lambda net, some: loss(some, net)[0], dict(batch), report)

    bundle.dynamics = train_dynamics(
        [windows], bundle.prior.config.size, len(bundle.scale.action_mean), bundle.stride,
        run.work / "dynamics", config, size=min(DYNAMICS_BATCH, 4 * run.config.batch),
        widths=run.config.dynamics_widths, compiled=fast_one, report=report,
    )  # fmt: skip


def _workers(run: GpuTraining) -> int:
    return 0 if run.device == "cpu" else min(GPU_WORKERS, max(1, (os.cpu_count() or 2) - 2))


def _save(bundle: LatentBundle, folder: Path) -> dict[str, float]:
    """Writing rounds the weights in memory too; those that are trained are put back by `averaged`."""
    write_weights(bundle, folder)
    return {}


def _evaluate(bundle: LatentBundle, packed: Packed, run: GpuTraining) -> dict[str, float]:
    for part in (bundle.autoencoder, bundle.network, bundle.dynamics):
        if part is not None:
            part.to(run.device).eval()
    pipeline = LatentPipeline(bundle)
    found = figures(pipeline, packed.held)
    Image.fromarray(beside(pipeline, packed.held)).save(run.out / "held-out.png")
    _note(run.out / "figures.json", {"clips": len(packed.held.first), **found})
    return found


def _note(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def _count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def _since(begun: float) -> str:
    return f"{(time.monotonic() - begun) / 60:.2f} min"


def main(words: Sequence[str] | None = None) -> None:
    """Read a command line."""
    parser = argparse.ArgumentParser(prog="python -m video.latent.gpu")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("pack")
    one.add_argument("world", type=Path, help="folder of vlp train world, with store and autoencoder")
    one.add_argument("out", type=Path)
    one.add_argument("--every", type=int, default=3, help="frames of which one is kept")
    one.add_argument("--megabytes", type=float, default=MEGABYTES)
    two = commands.add_parser("train")
    two.add_argument("packed", type=Path)
    two.add_argument("out", type=Path)
    two.add_argument("--minutes", type=float, default=8.0, help="all in all")
    two.add_argument("--learning-rate", type=float, default=1e-3)
    two.add_argument("--batch", type=int, default=None)
    two.add_argument(
        "--whole", action=argparse.BooleanOptionalAction, default=True, help="else an action prior"
    )
    two.add_argument("--work", type=Path, default=Path(".cache/gpu"), help="folder of the checkpoint")
    for each in (one, two):
        each.add_argument("--preset", choices=list(PRESETS), default="nano" if each is one else "base")
        each.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    asked = parser.parse_args(words)
    config = PRESETS[asked.preset]
    if asked.command == "pack":
        size = pack_world(
            asked.world, asked.out, config=config, every=asked.every, megabytes=asked.megabytes,
            device=asked.device,
        )  # fmt: skip
        print(f"{asked.out}: {size / 1e6:.1f} MB")
        return
    if not asked.minutes > 0:
        parser.error(f"minutes: expected more than 0, got {asked.minutes}")
    config = replace(config, batch=asked.batch or config.batch)
    train(
        GpuTraining(
            packed=asked.packed, out=asked.out, config=config, minutes=asked.minutes, work=asked.work,
            device=asked.device, learning_rate=asked.learning_rate, whole=asked.whole,
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
