"""What the measurements share: intervals, boards, result files."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks import families
from tasks.demonstrator import Push, centers
from tasks.grammar import phrase
from tasks.layout import random_layout
from tasks.oracle import Style
from tasks.world import World

Vector = NDArray[np.float64]


def wilson(successes: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """The 95% score interval of a proportion (Wilson, 1927)."""
    if not trials:
        return 0.0, 1.0
    share = successes / trials
    base = 1 + z * z / trials
    middle = (share + z * z / (2 * trials)) / base
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / base
    return round(middle - half, 4), round(middle + half, 4)


def bootstrap(values: Sequence[float], seed: int = 0, draws: int = 2000) -> tuple[float, float]:
    """The 95% percentile interval of a mean (Efron, 1979)."""
    data = np.asarray(values, float)
    means = np.random.default_rng(seed).choice(data, (draws, len(data))).mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return round(float(low), 4), round(float(high), 4)


def share(flags: Sequence[bool]) -> dict[str, object]:
    """A proportion with its interval, as it stands in a result file."""
    hits = int(np.sum(flags))
    return {
        "share": round(hits / max(1, len(flags)), 4),
        "of": len(flags),
        "interval_95": wilson(hits, len(flags)),
    }


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
