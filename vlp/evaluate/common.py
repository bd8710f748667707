"""Shared parts of the measurements: intervals, boards, result files."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.tabletop.demos.demonstrator import Push, centers
from tasks.tabletop.demos.oracle import Style
from tasks.tabletop.goals import families
from tasks.tabletop.language import phrase
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World


def write(name: str, result: Mapping[str, object], folder: Path = Path("results")) -> None:
    """Write results/<name>.json with the command that made it, and print it."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {"command": "python -m " + " ".join([_module(), *sys.argv[1:]]), **result}
    (folder / f"{name}.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(whole, indent=1))


def _module() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else Path(sys.argv[0]).stem


@dataclass(frozen=True)
class Asked:
    """A push asked of a board in words."""

    push: Push
    text: str


def ask(world: World, family: str, seed: int) -> Asked:
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
                return Asked(push, phrase(instruction, sorted(blocks), rng))
    raise RuntimeError(f"expected a board for a push of {family}, found none in 200 tries; try another seed")
