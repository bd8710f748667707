"""Guards without blocks, calibrated to weights of `vlp train world`: `python -m vlp.evaluate.latent_guards`.

Half of the held-out clips set the limits, which are written beside the weights; the other half tells how many
good clips are dropped (false positives), and how many of those that were spoiled. Writes
results/latent-guards.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from numpy.typing import NDArray

from planner import Frames, FrozenGuard
from planner.guards.inverse import ActionModel, disagreement, explain_clips, inconsistency
from planner.guards.limits import GuardLimits, limit_of
from video.latent.pipeline import LatentPipeline
from video.latent.samples import check
from video.latent.store import FrameStore, pack
from vlp.bench.stats import share
from vlp.bench.video.clips import BenchClips, choose
from vlp.evaluate.common import explaining, run_main, write
from vlp.models.device import choose_device
from vlp.vlm.latent.vlm import LatentVLM

BATCH: Final = 8
SEEDS: Final = (0, 1)
Scores = Mapping[str, NDArray[np.float64]]
"""By guard [N]: the higher, the worse."""


@dataclass(frozen=True)
class LatentGuardOptions:
    """What is calibrated."""

    models: Path
    """Weights of vlp train world; get guards.json."""
    data: Path
    """A LeRobotDataset v3.0 that was not trained on."""
    vlm: Path | None = None
    """Weights of vlp train world-vlm, for leaps of the value."""
    clips: int = 200
    rate: float = 0.02
    """Share of good clips that each guard may drop."""
    steps: int = 4
    """Of sampling."""
    device: str = "auto"
    out: Path = Path("results")


def scored(model: ActionModel, starts: Frames, clips: Frames, level: int) -> dict[str, NDArray[np.float64]]:
    """What the guards see in clips uint8 [N, T, H, W, 3] after starts uint8 [N, H, W, 3]."""
    change = np.abs(clips.astype(np.int16) - starts[:, None].astype(np.int16)).max(-1) > level
    parts: dict[str, list[NDArray[np.float64]]] = {"inconsistency": [], "disagreement": []}
    for i in range(0, len(clips), BATCH):
        explained = explain_clips(model, starts[i : i + BATCH], clips[i : i + BATCH], SEEDS)
        parts["inconsistency"].append(inconsistency(explained))
        parts["disagreement"].append(disagreement(explained))
    still = 1 - change.mean((2, 3)).max(1)
    return {"still": still, **{name: np.concatenate(values) for name, values in parts.items()}}


def leaps(vlm: LatentVLM, starts: Frames, clips: Frames, tasks: list[str]) -> NDArray[np.float64]:
    """[N] control steps by which each clip brings its task nearer, as the value sees it."""
    gains = []
    for first, clip, task in zip(starts, clips, tasks, strict=True):
        seen = vlm.steps_to_go(np.stack([first, clip[-1]]), task)
        gains.append(float(seen.mean[0] - seen.mean[1]))
    return np.asarray(gains)


def dropped(scores: Scores, limits: Mapping[str, float]) -> dict[str, object]:
    """Shares of clips that each guard drops, and that any does."""
    each = {name: values > limits[name] for name, values in scores.items() if name in limits}
    whole = {name: share(list(flags)) for name, flags in each.items()}
    return {**whole, "any": share(list(np.any(list(each.values()), axis=0)))}


def spoiled(clips: Frames, starts: Frames) -> dict[str, Frames]:
    """Clips that no robot can have brought about: nothing moves; they end on another board; what stands
    upright before stands upside down after half of the time."""
    half = clips.shape[1] // 2
    still = np.repeat(starts[:, None], clips.shape[1], 1)
    other, turned = clips.copy(), clips.copy()
    other[:, half:] = np.roll(clips, 1, 0)[:, half:]
    turned[:, half:] = turned[:, half:, ::-1]
    return {"nothing_moves": still, "ends_on_another_board": other, "turned_over": turned}


def main(options: LatentGuardOptions) -> None:
    """Calibrate, measure and write."""
    device = choose_device(options.device)
    bundle = explaining(options.models, device)
    pipeline = LatentPipeline(bundle, steps=options.steps)
    vlm = None if options.vlm is None else LatentVLM.load(options.vlm, device=device)
    with TemporaryDirectory() as folder:
        store = pack([options.data], Path(folder), report=lambda _: None)
        check(bundle, store)
        bench = choose(store, frames=pipeline.frames, stride=bundle.stride, count=options.clips, seed=0)
        result = calibrated(options, pipeline, vlm, bench, store)
    write("latent-guards", result, options.out)


def calibrated(
    options: LatentGuardOptions,
    pipeline: LatentPipeline,
    vlm: LatentVLM | None,
    bench: BenchClips,
    store: FrameStore,
) -> dict[str, object]:
    """The limits, written beside the weights, and what they drop."""
    level, clips, count = FrozenGuard().level, bench.clips, len(bench.starts)
    calibrating = np.random.default_rng(1).permutation(count) < count // 2
    good = scored(pipeline, clips.first, clips.truth, level)
    if vlm is not None:
        tasks = [store.texts[number] for number in store.text[bench.starts, 1]]
        good["value_leap"] = leaps(vlm, clips.first, clips.truth, tasks)
    limits = {name: limit_of(list(values[calibrating]), options.rate) for name, values in good.items()}
    GuardLimits(
        level=level,
        min_changed=max(0.0, 1 - limits["still"]),
        inconsistency=limits["inconsistency"],
        disagreement=limits["disagreement"],
        value_leap=limits.get("value_leap"),
        seeds=SEEDS,
    ).save(options.models)
    rest = ~calibrating
    first, true = clips.first[rest], clips.truth[rest]
    words = [text for text, own in zip(clips.words, rest, strict=True) if own]
    drawn = np.concatenate(
        [
            pipeline.imagine(
                first[i : i + BATCH], words[i : i + BATCH], list(range(len(first)))[i : i + BATCH]
            )
            for i in range(0, len(first), BATCH)
        ]
    )
    return {
        "clips": {"calibrating": int(calibrating.sum()), "measured": int(rest.sum())},
        "rate": options.rate,
        "limits": {name: round(value, 4) for name, value in limits.items()},
        "false_positives": dropped({name: values[rest] for name, values in good.items()}, limits),
        "imagined_dropped": dropped(scored(pipeline, first, drawn, level), limits),
        "spoiled_dropped": {
            name: dropped(scored(pipeline, first, bad, level), limits)
            for name, bad in spoiled(true, first).items()
        },
    }


if __name__ == "__main__":
    run_main(main, LatentGuardOptions)
