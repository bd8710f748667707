"""Imagined clips judged by the probe: does the named block move, is the subgoal reached in the last frame?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray

from tasks.tabletop.goals import families
from tasks.tabletop.goals.push import succeeded
from tasks.tabletop.seeing.encoder import PoseProbe, SlotEncoder
from tasks.tabletop.world.world import World
from vlp.bench.stats import share
from vlp.domains.tabletop.build import build
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import write
from vlp.evaluate.tabletop.asked import AskedMeasurement, ask
from vlp.models.weights import BUNDLED

MOVED = 0.015
"""A block that went further, in metres, has moved."""


@dataclass(frozen=True)
class ImaginedOptions:
    """Options of the measurement."""

    clips: int = 200
    first_seed: int = FIRST_SEED
    weights: Path = BUNDLED
    device: str = "cpu"


def judge(
    probe: PoseProbe, asked: AskedMeasurement, start: NDArray[np.uint8], last: NDArray[np.uint8]
) -> tuple[bool, bool]:
    """Whether the named block, and it most of all, moved; and whether the family's rule holds at the end."""
    present, where = probe.places(np.stack([start, last]))
    both = present[0, :-1] & present[1, :-1]
    gap = np.where(both, np.linalg.norm(where[1] - where[0], axis=-1)[:-1], 0.0)
    name = families.pushed(asked.push.instruction)
    most = probe.names[int(gap.argmax())]
    right = bool(gap.max() < MOVED) if name is None else bool(gap.max() > MOVED and most == name)
    blocks = probe.blocks(last)
    if not set(asked.push.instruction.blocks()) <= set(blocks):
        return right, False
    pusher = (float(where[1, -1, 0]), float(where[1, -1, 1]))
    return right, succeeded(asked.push.instruction.family, asked.push.task, blocks, pusher)


def main(options: ImaginedOptions) -> None:
    """Imagine one clip for each of the seeds and judge them."""
    parts = build(weights=options.weights, device=options.device)
    probe = PoseProbe(SlotEncoder.from_pretrained(options.weights / "judge").eval())
    world, asked, frames = World(), [], []
    for i in range(options.clips):
        asked.append(ask(world, families.FAMILIES[i % len(families.FAMILIES)], options.first_seed + i))
        frames.append(world.render())
    starts, seeds = np.stack(frames), [options.first_seed + i for i in range(options.clips)]
    lasts = [
        parts.video.imagine(starts[i : i + 20], [a.text for a in asked[i : i + 20]], seeds[i : i + 20])[:, -1]
        for i in range(0, len(starts), 20)
    ]
    verdicts = [judge(probe, a, s, e) for a, s, e in zip(asked, starts, np.concatenate(lasts), strict=True)]
    by_family = {
        family: [
            share(
                [v[k] for v, a in zip(verdicts, asked, strict=True) if a.push.instruction.family == family]
            )["share"]
            for k in (0, 1)
        ]
        for family in families.FAMILIES
    }
    write(
        "imagined",
        {
            "first_seed": options.first_seed,
            "named_block_moves": share([v[0] for v in verdicts]),
            "subgoal_reached": share([v[1] for v in verdicts]),
            "by_family_moves_reached": by_family,
        },
    )


if __name__ == "__main__":
    main(tyro.cli(ImaginedOptions))
