"""The pose probes on real frames: error of block centres, blocks missed and blocks made up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.tabletop.seeing import slots
from tasks.tabletop.seeing.encoder import SlotEncoder
from tasks.tabletop.seeing.slots import places
from tasks.tabletop.world.board import KINDS
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.models.weights import BUNDLED


@dataclass(frozen=True)
class PerceptionOptions:
    """Options of the measurement."""

    frames: int = 300
    first_seed: int = FIRST_SEED
    weights: Path = BUNDLED


def main(options: PerceptionOptions) -> None:
    """Draw random boards and compare what both probes see with the truth."""
    world, frames, truth = World(), [], []
    for i in range(options.frames):
        rng = np.random.default_rng(options.first_seed + i)
        world.place(*random_layout(rng, gap=float(rng.uniform(0.045, 0.065))))
        frames.append(world.render())
        truth.append(slots.from_poses(slots.pose_array(world.poses()), world.effector()))
    real, blocks = np.array(truth), len(KINDS)
    there = real[:, :blocks, 0] > 0.5
    result: dict[str, object] = {"first_seed": options.first_seed, "frames": options.frames}
    for part in ("perception", "judge"):
        seen = SlotEncoder.from_pretrained(options.weights / part).eval().see(np.stack(frames))
        found = seen[:, :blocks, 0] > 0.5
        gap = np.linalg.norm(places(seen) - places(real), axis=-1)[:, :blocks][there & found] * 1000
        middle, tail = np.percentile(gap, [50, 99])
        result[part] = {
            "median_mm": round(float(middle), 2),
            "p99_mm": round(float(tail), 2),
            "missed": int((there & ~found).sum()),
            "made_up": int((found & ~there).sum()),
            "blocks": int(there.sum()),
        }
    write("perception", result)


if __name__ == "__main__":
    run_main(main, PerceptionOptions)
