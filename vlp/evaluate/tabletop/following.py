"""The policy alone: it follows the true future frames of oracle pushes; does the push succeed?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from executors.tabletop.simulated import SimulatedRobot
from executors.wrapped import WrappedRobot
from tasks.tabletop.demos.demonstrator import centers, run_push
from tasks.tabletop.goals import families
from tasks.tabletop.language import canonical
from tasks.tabletop.world.layout import Layout
from tasks.tabletop.world.world import World
from video.tabletop.clips import STRIDE
from vlp.agent.parts import Parts
from vlp.bench.stats import share
from vlp.domains.tabletop import Tabletop
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.evaluate.tabletop.asked import AskedMeasurement, ask
from vlp.events.timing import Stopwatch
from vlp.models.weights import BUNDLED


@dataclass(frozen=True)
class FollowingOptions:
    """Options of the measurement."""

    episodes: int = 100
    first_seed: int = FIRST_SEED
    weights: Path = BUNDLED
    """Of blocks, or learned from pixels."""
    told: bool = False
    """Whether the policy is told the push's words, too, as an agent's is."""
    name: str = "following"
    """Of the file in results/."""


def true_clip(world: World, asked: AskedMeasurement, seed: int) -> NDArray[np.uint8]:
    """The frames of the oracle's push, every STRIDE control steps and at its end, uint8 [T, H, W, 3]."""
    frames = []
    for step, _ in enumerate(run_push(world, asked.push, np.random.default_rng(seed))):
        if step and step % STRIDE == 0:
            frames.append(world.render())
    return np.stack([*frames, world.render()])


def layout_of(world: World) -> Layout:
    """The board as it stands."""
    return world.poses(), (float(world.target[0]), float(world.target[1]))


def follow(
    asked: AskedMeasurement, layout: Layout, clip: NDArray[np.uint8], parts: Parts, *, words: str = ""
) -> bool:
    """Whether following a clip from a layout, told `words`, fulfils what was asked."""
    robot = SimulatedRobot(seed=0, layout=layout)
    robot.connect()
    follower = parts.follower("every-frame", WrappedRobot(robot), Stopwatch())
    follower.follow(clip, lambda *_: False, words=words)
    blocks = {name: np.array(xy) for name, xy in robot.info["blocks"].items()}
    target = robot.get_observation()["effector_target_translation"]
    known = set(asked.push.instruction.blocks()) <= set(blocks)
    done = known and asked.push.succeeded(blocks, target)
    robot.disconnect()
    return done


def main(options: FollowingOptions) -> None:
    """Follow one true clip for each seed."""
    parts = Tabletop().parts(weights=options.weights, device="cpu", sampling_steps=2, models=None)
    world, done = World(), []
    names = families.FAMILIES
    for i in range(options.episodes):
        asked = ask(world, names[i % len(names)], options.first_seed + i)
        layout = layout_of(world)
        clip = true_clip(world, asked, options.first_seed + i)
        assert asked.push.succeeded(centers(world), np.array(world.target)) or not asked.push.done
        words = canonical(asked.push.instruction) if options.told else ""
        done.append(follow(asked, layout, clip, parts, words=words))
    by_family = {family: share(done[k :: len(names)])["share"] for k, family in enumerate(names)}
    write(
        options.name, {"first_seed": options.first_seed, "push_succeeds": share(done), "by_family": by_family}
    )


if __name__ == "__main__":
    run_main(main, FollowingOptions)
