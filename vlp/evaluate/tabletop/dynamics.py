"""The model of video and action as dynamics: blocks' places after some clips of the demonstrator's actions,
each clip going on from the last frame of the one before, beside "nothing moves"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.demos.collect import demonstrate
from tasks.tabletop.demos.lerobot_write import RecordedEpisode
from tasks.tabletop.seeing.encoder import PoseProbe, SlotEncoder
from video.latent.pipeline import LatentPipeline
from vlp.bench.stats import average
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.latent.folder import opened, verify_latent
from vlp.models.weights import BUNDLED, digest

AFTER: Final = (1, 4, 10)
"""Clips at which places are compared."""
LOST: Final = 0.2
"""Metres that a block counts as off which is not seen any more."""


@dataclass(frozen=True)
class DynamicsOptions:
    """Options of the measurement."""

    models: Path
    """A folder of `vlp train world`."""
    episodes: int = 20
    first_seed: int = FIRST_SEED
    steps: int = 8
    """Of sampling."""
    judge: Path = BUNDLED
    """Whose judge sees where blocks are."""


def episodes(options: DynamicsOptions, needed: int) -> Iterator[tuple[int, RecordedEpisode]]:
    """Long tasks as the demonstrator does them, of so many control steps or more."""
    found, seed = 0, options.first_seed
    while found < options.episodes and seed < options.first_seed + 1000:
        episode = demonstrate(seed, "long")
        if len(episode.rgb) > needed:
            yield seed, episode
            found += 1
        seed += 1


def rolled(
    pipeline: LatentPipeline, first: NDArray[np.uint8], actions: NDArray[np.float32], clips: int, seed: int
) -> NDArray[np.uint8]:
    """The last frame of each of so many clips, uint8 [clips, H, W, 3]."""
    span, frame, found = pipeline.frames * pipeline.bundle.stride, first, []
    for number in range(clips):
        own = actions[None, number * span : (number + 1) * span]
        frame = pipeline.predict(frame[None], own, [seed + number])[0, -1]
        found.append(frame)
    return np.stack(found)


def error(probe: PoseProbe, frame: NDArray[np.uint8], blocks: NDArray[np.float32]) -> float:
    """Mean metres between blocks as they are [K, 3] and as a frame shows them."""
    present, where = probe.places(frame[None])
    there = np.isfinite(blocks[:, 0])
    gap = np.linalg.norm(where[0, :-1] - blocks[:, :2], axis=-1)
    return float(np.where(present[0, :-1], np.minimum(gap, LOST), LOST)[there].mean())


def main(options: DynamicsOptions) -> None:
    """Roll the model along recorded episodes and compare."""
    pipeline = LatentPipeline(opened(options.models, "cpu"), steps=options.steps)
    probe = PoseProbe(SlotEncoder.from_pretrained(options.judge / "judge").eval())
    span = pipeline.frames * pipeline.bundle.stride
    rows = []
    for seed, episode in episodes(options, AFTER[1] * span):
        clips = min(AFTER[-1], (len(episode.rgb) - 1) // span)
        frames = rolled(pipeline, episode.rgb[0], episode.action, clips, seed)
        for after in (count for count in AFTER if count <= clips):
            truth = episode.blocks[after * span]
            shown = {"model": frames[after - 1], "nothing_moves": episode.rgb[0],
                     "eye_alone": episode.rgb[after * span]}  # fmt: skip
            rows.append(
                {"seed": seed, "clips": after} | {n: error(probe, f, truth) for n, f in shown.items()}
            )
    told = {
        f"after_{after}": {
            name: average([row[name] for row in rows if row["clips"] == after])
            for name in ("model", "nothing_moves", "eye_alone")
        }
        for after in AFTER
    }
    about = {
        "first_seed": options.first_seed,
        "steps": options.steps,
        "lost_counts_as": LOST,
        "weights": digest(verify_latent(options.models)),
    }
    write("dynamics", about | {"metres": told, "rows": rows})


if __name__ == "__main__":
    run_main(main, DynamicsOptions)
