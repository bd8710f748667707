"""Imagined clips judged by the probe: does the named block move, is the subgoal reached in the last frame?

With --by robot, what the robot does in the same time is judged in their place, by the same prior, which heeds
no seeds there: what clips would show that told truly what comes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from planner import Frames
from tasks.tabletop.goals import families
from tasks.tabletop.seeing.encoder import PoseProbe, SlotEncoder
from tasks.tabletop.world.layout import Layout
from tasks.tabletop.world.world import World
from vlp.bench.stats import share
from vlp.bench.tabletop.clip_judge import judged
from vlp.domains.tabletop import Tabletop
from vlp.domains.tabletop.latent import alone
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.evaluate.tabletop.acted import acted
from vlp.evaluate.tabletop.asked import ask
from vlp.evaluate.tabletop.following import layout_of
from vlp.models.weights import BUNDLED


@dataclass(frozen=True)
class ImaginedOptions:
    """Options of the measurement."""

    clips: int = 200
    first_seed: int = FIRST_SEED
    weights: Path = BUNDLED
    """Of blocks, or learned from pixels."""
    by: Literal["video", "robot"] = "video"
    """What is judged: clips, or what the robot does, where the weights were learned from pixels."""
    device: str = "cpu"
    name: str = "imagined"
    """Of the file in results/."""


def _video(options: ImaginedOptions, starts: Frames, words: list[str]) -> Frames:
    """Last frames uint8 [N, H, W, 3] of clips."""
    parts = Tabletop().parts(weights=options.weights, device=options.device, sampling_steps=2, models=None)
    seeds = [options.first_seed + i for i in range(len(words))]
    some = [slice(i, i + 20) for i in range(0, len(words), 20)]
    return np.concatenate([parts.video.imagine(starts[k], words[k], seeds[k])[:, -1] for k in some])


def _robot(options: ImaginedOptions, layouts: list[Layout], words: list[str]) -> Frames:
    """The camera's pictures uint8 [N, H, W, 3] in the end."""
    agent = alone(options.weights)
    return np.stack([acted(agent, layout, told) for layout, told in zip(layouts, words, strict=True)])


def main(options: ImaginedOptions) -> None:
    """Imagine, or act, one clip for each of the seeds and judge them."""
    own = options.weights / "judge"
    probe = PoseProbe(SlotEncoder.from_pretrained(own if own.is_dir() else BUNDLED / "judge").eval())
    world, asked, frames, layouts = World(), [], [], []
    for i in range(options.clips):
        asked.append(ask(world, families.FAMILIES[i % len(families.FAMILIES)], options.first_seed + i))
        frames.append(world.render())
        layouts.append(layout_of(world))
    starts, words = np.stack(frames), [a.text for a in asked]
    lasts = _robot(options, layouts, words) if options.by == "robot" else _video(options, starts, words)
    verdicts = [
        judged(probe, a.push.instruction, a.push.task, s, e)
        for a, s, e in zip(asked, starts, lasts, strict=True)
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
            "by": options.by,
            "first_seed": options.first_seed,
            "named_block_moves": share([v.moves for v in verdicts]),
            "subgoal_reached": share([v.reached for v in verdicts]),
            "by_family_moves_reached": by_family,
        },
    )


if __name__ == "__main__":
    run_main(main, ImaginedOptions)
