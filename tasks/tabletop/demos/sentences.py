"""Sentences of programs of relations, drawn at random: what an operator might say of a board."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.goals.goal import understand
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.world.board import color_of, shape_of, words_of

Rng = np.random.Generator
MOST: Final = 4
"""Relations of a program."""
AREAS: Final = ("left", "right", "top", "bottom")
CORNERS: Final = (
    "top left corner",
    "top right corner",
    "bottom left corner",
    "bottom right corner",
    "center",
)


def _pick(rng: Rng, items: tuple[str, ...]) -> str:
    return items[int(rng.integers(len(items)))]


def _clause(rng: Rng, names: list[str]) -> str:
    """A random relation of random blocks, in words."""
    a, b, c = (words_of(str(name)) for name in rng.permutation(np.array(names))[:3])
    some = _pick(rng, (*(f"{color_of(n)} blocks" for n in names), *(f"{shape_of(n)}s" for n in names)))
    return _pick(rng, (
        f"put the {some} on the {_pick(rng, AREAS)}",
        f"put the {a} and the {b} in the {_pick(rng, CORNERS)}",
        f"put the {some} next to the {a}",
        f"put the {a} to the left of the {b}",
        f"put the {a} and the {c} above the {b}",
        f"put the {a} between the {b} and the {c}",
        f"move the {a} away from the {b} and the {c}",
        f"gather the {some}",
        f"line up the {a}, the {b} and the {c} horizontally",
        f"line up the {some} vertically",
        f"put the {a}, the {b} and the {c} in a row from left to right",
        f"put the {a}, the {b} and the {c} on the corners of a triangle",
        f"make a circle of the {some} and the {a}",
        f"swap the {a} and the {b}",
        f"clear the {_pick(rng, (*AREAS, *CORNERS[:4]))}",
        f"put the {a} at x {rng.integers(25, 50)} y {rng.integers(-22, 23)}",
    ))  # fmt: skip


def sentence(rng: Rng, blocks: Mapping[str, NDArray[np.float64]], most: int = MOST) -> str:
    """A random program of one to `most` relations that can be done on a board, and is not yet."""
    while True:
        count = int(rng.integers(1, most + 1))
        text = " and ".join(_clause(rng, sorted(blocks)) for _ in range(count))
        try:
            goal = understand(text, blocks)
        except ValueError:
            continue
        whole = isinstance(goal, ProgramGoal) and len(goal.program.relations) == count
        if whole and goal.reward(blocks, (0.35, 0.0)) < 1.0:
            return text
