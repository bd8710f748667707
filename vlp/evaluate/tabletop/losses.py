"""Long tasks in a demonstrator's words, acted out by the action prior: how often is a block lost?

python -m vlp.evaluate.tabletop.losses --weights WEIGHTS
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tasks.tabletop.demos.acting import CorrectedPolicy, act
from tasks.tabletop.demos.demonstrator import centers, run_long
from tasks.tabletop.goals import LONG_TASKS
from tasks.tabletop.world import board
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World
from vlp.bench.stats import share
from vlp.domains.tabletop.latent import acting
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write


@dataclass(frozen=True)
class LossOptions:
    """Options of the measurement."""

    weights: Path
    """Learned."""
    episodes: int = 60
    first_seed: int = FIRST_SEED
    pushes: int = 20
    """At most, of one long task; each is told for 80 control steps at most."""
    execute: int = 2
    """Actions sent until the camera is looked at again."""
    name: str = "losses-latent"
    """Of the file in results/."""


def episode(world: World, policy: CorrectedPolicy, seed: int, pushes: int, execute: int) -> dict[str, Any]:
    """One long task, all in turn by the seed; over once it is complete, a block is lost, or so many pushes
    were told."""
    rng, task = np.random.default_rng(seed), LONG_TASKS[seed % len(LONG_TASKS)]
    world.place(*random_layout(rng, board.BLOCK_8))
    world.step(world.target)
    told = done = 0
    for push in islice(run_long(world, task, rng), pushes):
        acted = act(world, push.settle(centers(world)), policy, None, execute)
        push.done = acted.there
        told, done = told + 1, done + acted.there
        if acted.lost:
            break
    return {
        "seed": seed, "task": task.instruction, "pushes": told, "done": done,
        "lost": sorted(world.lost()), "complete": task.reward(centers(world), world.names) >= 1.0,
    }  # fmt: skip


def main(options: LossOptions) -> None:
    """Play one long task for each seed."""
    policy, world = acting(options.weights, by="prior"), World()
    seeds = range(options.first_seed, options.first_seed + options.episodes)
    rows = [episode(world, policy, seed, options.pushes, options.execute) for seed in seeds]
    told = sum(row["pushes"] for row in rows)
    write(
        options.name,
        {
            "first_seed": options.first_seed,
            "boards_with_a_loss": share([bool(row["lost"]) for row in rows]),
            "losses_a_push": round(sum(bool(row["lost"]) for row in rows) / max(1, told), 4),
            "pushes_done": round(sum(row["done"] for row in rows) / max(1, told), 4),
            "complete": share([row["complete"] for row in rows]),
            "episodes": rows,
        },
    )


if __name__ == "__main__":
    run_main(main, LossOptions)
