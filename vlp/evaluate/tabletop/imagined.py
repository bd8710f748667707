"""Imagined clips judged by the probe: does the named block move, is the subgoal reached in the last frame?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from tasks.tabletop.goals import families
from tasks.tabletop.seeing.encoder import PoseProbe, SlotEncoder
from tasks.tabletop.world.world import World
from vlp.bench.stats import share
from vlp.bench.tabletop.clip_judge import judged
from vlp.domains.tabletop import Tabletop
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import write
from vlp.evaluate.tabletop.asked import ask
from vlp.models.weights import BUNDLED


@dataclass(frozen=True)
class ImaginedOptions:
    """Options of the measurement."""

    clips: int = 200
    first_seed: int = FIRST_SEED
    weights: Path = BUNDLED
    """Of blocks, or learned from pixels."""
    device: str = "cpu"
    name: str = "imagined"
    """Of the file in results/."""


def main(options: ImaginedOptions) -> None:
    """Imagine one clip for each of the seeds and judge them."""
    parts = Tabletop().parts(weights=options.weights, device=options.device, sampling_steps=2, models=None)
    own = options.weights / "judge"
    probe = PoseProbe(SlotEncoder.from_pretrained(own if own.is_dir() else BUNDLED / "judge").eval())
    world, asked, frames = World(), [], []
    for i in range(options.clips):
        asked.append(ask(world, families.FAMILIES[i % len(families.FAMILIES)], options.first_seed + i))
        frames.append(world.render())
    starts, seeds = np.stack(frames), [options.first_seed + i for i in range(options.clips)]
    lasts = [
        parts.video.imagine(starts[i : i + 20], [a.text for a in asked[i : i + 20]], seeds[i : i + 20])[:, -1]
        for i in range(0, len(starts), 20)
    ]
    verdicts = [
        judged(probe, a.push.instruction, a.push.task, s, e)
        for a, s, e in zip(asked, starts, np.concatenate(lasts), strict=True)
    ]
    by_family = {
        family: [
            share(
                [
                    getattr(v, name)
                    for v, a in zip(verdicts, asked, strict=True)
                    if a.push.instruction.family == family
                ]
            )["share"]
            for name in ("moves", "reached")
        ]
        for family in families.FAMILIES
    }
    write(
        options.name,
        {
            "first_seed": options.first_seed,
            "named_block_moves": share([v.moves for v in verdicts]),
            "subgoal_reached": share([v.reached for v in verdicts]),
            "by_family_moves_reached": by_family,
        },
    )


if __name__ == "__main__":
    main(tyro.cli(ImaginedOptions))
