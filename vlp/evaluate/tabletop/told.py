"""The learned policy told a push in words, without any clip; does the push succeed?

python -m vlp.evaluate.tabletop.told --weights WEIGHTS
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from executors.tabletop.simulated import SimulatedRobot
from tasks.tabletop.goals import families
from tasks.tabletop.language import canonical
from tasks.tabletop.world.world import World
from vlp.bench.stats import share
from vlp.domains.tabletop.latent import acting
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.evaluate.tabletop.asked import AskedMeasurement, ask
from vlp.evaluate.tabletop.following import layout_of


@dataclass(frozen=True)
class ToldOptions:
    """Options of the measurement."""

    weights: Path
    """Learned, with a policy beside them."""
    by: Literal["policy", "prior"] = "policy"
    """Who acts: the policy, or the action prior of the model of video and action."""
    episodes: int = 100
    first_seed: int = FIRST_SEED
    steps: int = 150
    """Control steps in which a push must succeed."""
    execute: int = 2
    """Actions sent until the camera is looked at again."""
    name: str = "told-latent"
    """Of the file in results/."""


def outcome(robot: SimulatedRobot, asked: AskedMeasurement) -> str:
    """ "done", "lost" (a block that it is about has left the board) or "" for neither."""
    blocks = {name: np.array(xy) for name, xy in robot.info["blocks"].items()}
    if not set(asked.push.instruction.blocks()) <= set(blocks):
        return "lost"
    target = robot.get_observation()["effector_target_translation"]
    return "done" if asked.push.succeeded(blocks, target) else ""


def main(options: ToldOptions) -> None:
    """Tell one push for each seed."""
    policy, world, found = acting(options.weights, by=options.by), World(), []
    names = families.FAMILIES
    for i in range(options.episodes):
        asked = ask(world, names[i % len(names)], options.first_seed + i)
        robot = SimulatedRobot(seed=0, layout=layout_of(world))
        robot.connect()
        words, end, steps = canonical(asked.push.instruction), "", 0
        while not end and steps < options.steps:
            actions = policy(robot.get_observation()["rgb"], None, words)
            for action in actions[: options.execute]:
                robot.send_action(action)
                steps += 1
                if end := outcome(robot, asked):
                    break
        robot.disconnect()
        found.append(end or "late")
    done = [end == "done" for end in found]
    write(
        options.name,
        {
            "first_seed": options.first_seed,
            "steps": options.steps,
            "execute": options.execute,
            "push_succeeds": share(done),
            "lost": found.count("lost"),
            "by_family": {family: share(done[k :: len(names)])["share"] for k, family in enumerate(names)},
            "outcomes": found,
        },
    )


if __name__ == "__main__":
    run_main(main, ToldOptions)
