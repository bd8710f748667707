"""The model of video and action on held-out clips: `python -m vlp.evaluate.world --help`.

Writes results/world.json, and with --picture, held-out clips above what was imagined.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tasks.data.fitting import CameraView
from video.latent.pipeline import LatentPipeline
from video.latent.samples import beside, check, figures, held_out
from video.latent.store import pack
from vlp.evaluate.common import explaining, run_main
from vlp.models.source import Source
from vlp.record.filmstrip import write_png


@dataclass(frozen=True)
class WorldOptions:
    """What is measured."""

    models: Path
    """Weights of vlp train world."""
    data: Path
    """A LeRobotDataset that was not trained on, of the same cameras."""
    clips: int = 64
    steps: int = 4
    """Of sampling."""
    out: Path = Path("results/world.json")
    picture: Path | None = None


def main(options: WorldOptions) -> None:
    """Measure and write."""
    bundle, source = explaining(options.models), Source.load(options.models)
    view = None if source is None else str(CameraView(source.cameras, source.size))
    pipeline = LatentPipeline(bundle, steps=options.steps)
    with TemporaryDirectory() as folder:
        store = pack([options.data], Path(folder), camera=view, report=lambda _: None)
        check(bundle, store)
        clips = held_out(store, frames=pipeline.frames, stride=bundle.stride, count=options.clips)
        found: dict[str, Any] = {"clips": len(clips.first), "steps": options.steps}
        found |= {"weights": digest(options.models), **figures(pipeline, clips)}
        if options.picture is not None:
            write_png(options.picture, beside(pipeline, clips))
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found))


def digest(folder: Path) -> str:
    """Of all weights, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.safetensors")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    run_main(main, WorldOptions)
