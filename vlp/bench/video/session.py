"""A bench of video models from what is asked to the files: clips.jsonl, a row a clip, and summary.json."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from planner import ActionModel
from tasks.data.layout import DatasetError
from video.latent.config import LatentConfig
from video.latent.store import FrameStore, pack
from vlp.bench.code import code_digest
from vlp.bench.video.clips import BenchClips, choose
from vlp.bench.video.measure import Measured, measure, truth
from vlp.bench.video.models import check_given, loader
from vlp.bench.video.protocol import ClipJudge, MeasuredModel
from vlp.bench.video.summary import LEGEND, summary_of
from vlp.bench.worlds import clip_judge
from vlp.errors import FolderError, UsageError
from vlp.models.chosen import Pretrained
from vlp.models.device import choose_device
from vlp.models.weights import BUNDLED
from vlp.progress import Bar


@dataclass(frozen=True, kw_only=True)
class VideoBench:
    """What is asked for."""

    videos: Sequence[str]
    data: Path
    out: Path
    clips: int = 200
    camera: str | None = None
    world: str = "tabletop"
    """Whose judge looks at clips whose words it understands, and whose preset "slots" is."""
    weights: Path | None = None
    device: str = "auto"
    steps: int = 4
    """Of our own models' sampling."""
    pretrained: Pretrained
    """How a pipeline of diffusers is called; its source is not looked at."""
    seed: int = 0


def run(asked: VideoBench) -> dict[str, Any]:
    """Measure all models on the same clips and write both files; the summary.

    Raises UsageError, WeightsError, FolderError and ModelError.
    """
    device = choose_device(asked.device)
    loads = [
        loader(
            given, world=asked.world, weights=asked.weights, device=device, steps=asked.steps,
            pretrained=asked.pretrained,
        )
        for given in check_given(asked.videos)
    ]  # fmt: skip
    asked.out.mkdir(parents=True, exist_ok=True)
    judge = clip_judge(asked.world, asked.weights or BUNDLED, device)
    with TemporaryDirectory() as folder:
        try:
            store = pack([asked.data], Path(folder), camera=asked.camera, report=lambda _: None)
        except DatasetError as error:
            raise FolderError(f"data: {error}") from error
        models = [load(LatentConfig.frames) for load in loads]
        bench = _clips(asked, store, models)
        inverse = next((model.inverse for model in models if model.inverse is not None), None)
        found = _measure(asked, bench, models, judge, inverse, device)
    return _write(asked, bench, models, found, inverse)


def _clips(asked: VideoBench, store: FrameStore, models: Sequence[MeasuredModel]) -> BenchClips:
    """Clips of the length and pace that the models have. Raises UsageError where they differ."""
    frames = {model.frames for model in models if model.frames is not None} or {LatentConfig.frames}
    stride = {model.stride for model in models if model.stride is not None}
    stride = stride or {max(1, round(LatentConfig.seconds * store.fps))}
    if len(frames) > 1 or len(stride) > 1:
        raise UsageError(
            f"video: expected models of clips alike, got {sorted(frames)} frames, {sorted(stride)} control "
            "steps apart; measure them apart"
        )
    for model in models:
        size = tuple(model.about.get("size", store.frames.shape[1:3]))
        if size != store.frames.shape[1:3]:
            raise UsageError(
                f"video: expected pictures of {size} for {model.name}, got {store.frames.shape[1:3]} in "
                f"{asked.data}; give data of its camera"
            )
    return choose(store, frames=frames.pop(), stride=stride.pop(), count=asked.clips, seed=asked.seed)


def _measure(
    asked: VideoBench,
    bench: BenchClips,
    models: Sequence[MeasuredModel],
    judge: ClipJudge | None,
    inverse: ActionModel | None,
    device: str,
) -> dict[str, Measured]:
    found = {"truth": truth(bench, judge, inverse)}
    with Bar("imagining", len(models) * len(bench.starts)) as bar:
        bar.advance(0)
        for model in models:
            found[model.name] = measure(
                model, bench, judge=judge, inverse=inverse, device=device, seed=asked.seed, tick=bar.advance
            )
    return found


def _write(
    asked: VideoBench,
    bench: BenchClips,
    models: Sequence[MeasuredModel],
    found: dict[str, Measured],
    inverse: ActionModel | None,
) -> dict[str, Any]:
    with (asked.out / "clips.jsonl").open("w", encoding="utf-8") as file:
        for measured in found.values():
            file.writelines(json.dumps(_rounded(row)) + "\n" for row in measured.rows)
    about = {model.name: model.about for model in models}
    explains = next((model.name for model in models if model.inverse is inverse), None) if inverse else None
    true = found["truth"].features
    result = {
        "command": "vlp " + " ".join(sys.argv[1:]),
        "code": code_digest(),
        "data": asked.data.name,
        "device": choose_device(asked.device),
        "clips": len(bench.starts),
        "begin_with_their_words": int(bench.fresh.sum()),
        "inverse_by": explains,
        "legend": LEGEND,
        "models": {name: about.get(name, {}) | summary_of(one, true) for name, one in found.items()},
    }
    partial = asked.out / "summary.json.partial"
    partial.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    partial.replace(asked.out / "summary.json")
    return result


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}
