"""A push asked of a board in words, for what is measured of pushes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.tabletop.demos.demonstrator import Push, centers
from tasks.tabletop.demos.oracle import Style
from tasks.tabletop.goals import families
from tasks.tabletop.language import phrase
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World


@dataclass(frozen=True)
class AskedMeasurement:
    """A push asked of a board in words."""

    push: Push
    text: str


def ask(world: World, family: str, seed: int) -> AskedMeasurement:
    """Set up a random BLOCK_8 board on which a push of a family can be done, and word it at random."""
    rng = np.random.default_rng(seed)
    for _ in range(200):
        layout, effector = random_layout(rng)
        world.place(layout, effector)
        world.step(effector)
        blocks = centers(world)
        for _ in range(20):
            instruction = families.draw(family, rng, blocks)
            push = Push.begin(instruction, blocks, Style())
            if families.feasible(instruction, push.task, blocks) and not push.succeeded(
                blocks, np.array(world.target)
            ):
                return AskedMeasurement(push, phrase(instruction, sorted(blocks), rng))
    raise RuntimeError(f"expected a board for a push of {family}, found none in 200 tries; try another seed")
