"""`python -m vlp.evaluate.tabletop.relation_pictures`: each relation not met and met, as the camera sees it.

Writes docs/relations/NAME.png: at the left a board of a seed on which the relation is not met, at the right
the same board with its blocks arranged so that it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.tabletop.demos.oracle import REACH_HIGH, REACH_LOW
from tasks.tabletop.goals.arrange import arrange
from tasks.tabletop.goals.goal import understand
from tasks.tabletop.goals.group import GroupBy
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.goals.relations import Long, NotMoved, Relation
from tasks.tabletop.world.env import TabletopEnv
from tasks.tabletop.world.layout import random_layout
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main

Places = dict[str, NDArray[np.float64]]
SENTENCES: Final = {
    "Apart": "spread the moons and the stars apart",
    "AreaClear": "clear the bottom side",
    "AtPlace": "put the red moon at x 40 y 10",
    "Between": "put the red moon between the blue cube and the green star",
    "Circle": "make a circle of the yellow and blue blocks",
    "Corners": "put the red moon, the blue cube and the green star on the corners of a triangle",
    "InArea": "put the stars and the moons on the left",
    "Line": "line up the moons and the stars horizontally",
    "Long": "group the blocks by color",
    "Near": "put the stars next to the red moon",
    "NotMoved": "leave the red moon where it is",
    "Row": "put the red moon, the blue cube and the green star in a row from left to right",
    "Side": "put the stars and the moons left of the blue cube",
    "SomeOf": "put three of the red and blue blocks on the left",
    "Swapped": "swap the red moon and the blue cube",
    "Together": "gather the stars and the moons",
}
"""A relation -> a sentence that asks for it; "Long" stands for a task with a reward of its own, and "not
moved" for what else is asked along with it."""
SIZE: Final = (180, 240)
REACH: Final = np.array([REACH_LOW, REACH_HIGH])
FREE: Final = 0.06
"""Metres from other blocks of a place where one is put."""
SEEN: Final = 0.07
"""Metres that a block has to go for it to be seen at a glance."""
GAP: Final = 4
"""Pixels between the two boards."""


@dataclass(frozen=True)
class RelationPictureOptions:
    """Options of the drawing."""

    out: Path = Path("docs/relations")
    seed: int = FIRST_SEED
    """Of the board."""


class RelationPictures:
    """Boards of one seed; to be closed in the end.

    Args:
        seed: of the board.
    """

    def __init__(self, seed: int = FIRST_SEED) -> None:
        self._layout, self._pusher = random_layout(np.random.default_rng(seed))
        self.board: Places = {name: np.array(pose[:2]) for name, pose in self._layout.items()}
        self._env = TabletopEnv(image_size=SIZE)

    def relation(self, name: str) -> Relation:
        """The relation that the sentence of a name asks for."""
        everyone = tuple(sorted(self.board))
        if name == "Long":
            return Long(GroupBy("color"), everyone)
        if name == "NotMoved":
            x, y = map(float, self.board["red_moon"])
            return NotMoved(("red_moon",), ((x, y),), "the red moon")
        goal = understand(SENTENCES[name], self.board)
        assert isinstance(goal, ProgramGoal) and len(goal.program.relations) == 1, f"{name}: {goal.text}"
        return goal.program.relations[0]

    def boards(self, name: str) -> tuple[Places, Places]:
        """Block name -> centre [2] in metres, where the relation is not met, and where it is."""
        relation = self.relation(name)
        if relation.reward(self.board) >= 1.0:  # it is met as it stands
            return self._spoiled(relation), self.board
        met = arrange([relation], self.board)
        assert met is not None, f"expected a board on which {relation.words}"
        return self.board, met

    def _spoiled(self, relation: Relation) -> Places:
        """The board with the first block of a relation at the nearest free place at which it is not met."""
        name = relation.names[0]
        others = np.array([xy for other, xy in self.board.items() if other != name])
        (top, left), (bottom, right) = REACH.tolist()
        along = np.linspace(top, bottom, 21), np.linspace(left, right, 27)
        grid = np.stack(np.meshgrid(*along), -1).reshape(-1, 2)
        far = np.linalg.norm(grid - self.board[name], axis=1)
        for place in grid[np.argsort(far, kind="stable")][(far < SEEN).sum() :]:
            board = {**self.board, name: place}
            if relation.reward(board) < 1.0 and np.linalg.norm(others - place, axis=1).min() > FREE:
                return board
        raise AssertionError(f"expected a board on which it is not so: {relation.words}")

    def drawn(self, name: str) -> NDArray[np.uint8]:
        """Both boards beside each other, uint8 [H, 2 W + GAP, 3]."""
        no, yes = (self._seen(board) for board in self.boards(name))
        between = np.full((SIZE[0], GAP, 3), 255, np.uint8)
        return np.concatenate([no, between, yes], axis=1)

    def _seen(self, board: Places) -> NDArray[np.uint8]:
        layout = {name: (float(xy[0]), float(xy[1]), self._layout[name][2]) for name, xy in board.items()}
        observation, _ = self._env.reset(seed=0, options={"layout": (layout, self._pusher)})
        return np.asarray(observation["rgb"], np.uint8)

    def close(self) -> None:
        """Free the simulator."""
        self._env.close()


def main(options: RelationPictureOptions) -> None:
    """Draw all."""
    options.out.mkdir(parents=True, exist_ok=True)
    pictures = RelationPictures(options.seed)
    for name in SENTENCES:
        Image.fromarray(pictures.drawn(name)).save(options.out / f"{name}.png", optimize=True)
    pictures.close()


if __name__ == "__main__":
    run_main(main, RelationPictureOptions)
