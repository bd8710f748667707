"""`python -m vlp.evaluate.tabletop.robustness --weights WEIGHTS`: learned models in other light, under noise
and over a board of another colour, without any training for it.

Single pushes told in words, as `told` does, and the long task "group the blocks by color" by the action prior
and the subgoals that the learned VLM chooses, ended by the simulator's word or by the last control step.
Writes results/robustness-latent.json.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from executors.tabletop.simulated import SimulatedRobot
from planner import Frames
from tasks.tabletop.goals import families
from tasks.tabletop.language import canonical
from tasks.tabletop.world.world import World
from vlp.bench.stats import share
from vlp.domains.tabletop.latent import ToldAgent, alone
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.evaluate.tabletop.asked import ask
from vlp.evaluate.tabletop.by_itself import Pace, by_itself
from vlp.evaluate.tabletop.following import layout_of
from vlp.evaluate.tabletop.spoiled import Spoil, as_it_is, painted
from vlp.evaluate.tabletop.told import outcome

Rng = np.random.Generator
TASK: Final = "group the blocks by color"


def light(factor: float) -> Spoil:
    """A light of that share of ours."""
    return lambda picture, rng: (picture * factor).clip(0, 255).round().astype(np.uint8)


def noise(size: float) -> Spoil:
    """Noise of that standard deviation, anew in each picture."""
    return lambda picture, rng: (picture + rng.normal(0, size, picture.shape)).clip(0, 255).astype(np.uint8)


SPOILS: Final[Mapping[str, Spoil]] = {
    "as it is": as_it_is,
    "light -20%": light(0.8),
    "light +20%": light(1.2),
    "noise of 10": noise(10.0),
    "another grey": lambda picture, rng: painted(picture, (160, 160, 160)),
    "green": lambda picture, rng: painted(picture, (90, 160, 90)),
}


@dataclass(frozen=True)
class RobustnessOptions:
    """Options of the measurement."""

    weights: Path
    """Learned, with a VLM and what tells when a subgoal is over."""
    pushes: int = 100
    boards: int = 20
    """Of the long task."""
    first_seed: int = FIRST_SEED
    steps: int = 150
    """Control steps in which a push must succeed."""
    long_steps: int = 400
    """The same of the long task."""
    stalled: int = 60
    """Control steps after which a subgoal that is not seen to be over is given up."""
    execute: int = 2
    """Actions sent until the camera is looked at again."""
    only: tuple[str, ...] = tuple(SPOILS)
    name: str = "robustness-latent"
    """Of the file in results/."""


Look = Callable[[], Frames]


def _camera(robot: SimulatedRobot, spoil: Spoil, rng: Rng) -> Look:
    return lambda: np.ascontiguousarray(spoil(np.asarray(robot.get_observation()["rgb"]), rng))


def push(agent: ToldAgent, world: World, seed: int, spoil: Spoil, options: RobustnessOptions) -> str:
    """One push told: "done", "lost" or "late"."""
    names = families.FAMILIES
    asked = ask(world, names[(seed - options.first_seed) % len(names)], seed)
    robot = SimulatedRobot(seed=0, layout=layout_of(world))
    robot.connect()
    look, words = _camera(robot, spoil, np.random.default_rng([seed, 2])), canonical(asked.push.instruction)
    try:
        for _ in range(0, options.steps, options.execute):
            for action in agent.actions(look(), words)[: options.execute]:
                robot.send_action(action)
                if end := outcome(robot, asked):
                    return end
    finally:
        robot.disconnect()
    return "late"


def group(agent: ToldAgent, seed: int, spoil: Spoil, options: RobustnessOptions) -> bool:
    """Whether a board was grouped, whatever the agent thought of it."""
    robot = SimulatedRobot(TASK, seed=seed, max_steps=options.long_steps)
    robot.connect()
    try:
        look = _camera(robot, spoil, np.random.default_rng([seed, 2]))
        return by_itself(agent, robot, look, TASK, seed, Pace(options.stalled, options.execute))
    finally:
        robot.disconnect()


def main(options: RobustnessOptions) -> None:
    """All rows, on the same boards."""
    agent, world = alone(options.weights), World()
    seeds = range(options.first_seed, options.first_seed + options.pushes)
    rows = {}
    for name in options.only:
        ends = [push(agent, world, seed, SPOILS[name], options) for seed in seeds]
        grouped = [group(agent, seed, SPOILS[name], options) for seed in seeds[: options.boards]]
        rows[name] = {
            "push_succeeds": share([end == "done" for end in ends]),
            "lost": ends.count("lost"),
            "grouped": share(grouped),
            "pushes": ends,
            "boards": grouped,
        }
        print(name, {key: rows[name][key] for key in ("push_succeeds", "lost", "grouped")}, flush=True)
    kept = {key: getattr(options, key) for key in ("first_seed", "steps", "long_steps", "stalled", "execute")}
    write(options.name, {**kept, "rows": rows})


if __name__ == "__main__":
    run_main(main, RobustnessOptions)
