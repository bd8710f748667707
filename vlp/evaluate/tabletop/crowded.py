"""Boards with little room, and what is asked on them: tasks in which the order of pushes matters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.goals.goal import understand
from tasks.tabletop.world.board import BLOCK_8, COLORS, color_of, words_of
from tasks.tabletop.world.layout import Layout, random_layout

Rng = np.random.Generator
Asked = Callable[[Rng, list[str]], str]
GAP: Final = 0.05
"""Metres between blocks; two that touch are 0.028 to 0.042 apart, and the pusher is 0.025 wide."""
LOW, HIGH = (0.27, -0.10), (0.47, 0.10)
"""Corners of the crowd, (x, y) metres."""


def _sort(rng: Rng, names: list[str]) -> str:
    first, second = rng.permutation(sorted({color_of(name) for name in names}, key=COLORS.index))[:2]
    return f"put the {first} blocks on the left and the {second} blocks on the right"


def _row(rng: Rng, names: list[str]) -> str:
    *said, last = (f"the {words_of(name)}" for name in names[:5])
    return f"put {', '.join(said)} and {last} in a row from left to right"


def _swap(rng: Rng, names: list[str]) -> str:
    a, b, c, d = (f"the {words_of(name)}" for name in names[:4])
    return f"swap {a} and {b} and swap {c} and {d}"


def _places(rng: Rng, names: list[str]) -> str:
    spots: list[NDArray[np.float64]] = []
    while len(spots) < 4:
        xy = rng.uniform(LOW, HIGH)
        if all(np.hypot(*(xy - other)) > GAP + 0.01 for other in spots):
            spots.append(xy)
    named = zip(names[:4], 100 * np.array(spots), strict=True)
    return " and ".join(f"put the {words_of(name)} at x {x:.0f} y {y:.0f}" for name, (x, y) in named)


TASKS: Final[Mapping[str, Asked]] = {"sort": _sort, "row": _row, "swap": _swap, "places": _places}


def crowded(task: str, seed: int) -> tuple[Layout, str]:
    """A board of BLOCK_8 in a crowd, and words of TASKS that it can be asked and that are not so yet."""
    rng = np.random.default_rng(seed)
    while True:
        layout = random_layout(rng, BLOCK_8, GAP, LOW, HIGH)
        blocks = {name: np.array(pose[:2]) for name, pose in layout[0].items()}
        text = TASKS[task](rng, [str(name) for name in rng.permutation(np.array(BLOCK_8))])
        try:
            goal = understand(text, blocks)
        except ValueError:  # it can't be done there
            continue
        if goal.reward(blocks, layout[1]) < 1.0:
            return layout, text
