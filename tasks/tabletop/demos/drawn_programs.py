"""Random programs of relations that can be brought about on a board, and are not yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.goals import LONG_TASKS
from tasks.tabletop.goals.arrange import arrange
from tasks.tabletop.goals.program import Step
from tasks.tabletop.goals.relations import (
    Apart,
    AreaClear,
    AtPlace,
    Between,
    Circle,
    Corners,
    InArea,
    Line,
    Long,
    Near,
    NotMoved,
    Relation,
    Row,
    Side,
    SomeOf,
    Swapped,
    Together,
)
from tasks.tabletop.goals.relations.corners import CORNERS
from tasks.tabletop.goals.relations.in_area import CENTER
from tasks.tabletop.goals.relations.line import ANYWHERE, MIDDLE, SIDES, WAYS
from tasks.tabletop.goals.relations.row import ORDERS
from tasks.tabletop.goals.relations.side import SAID
from tasks.tabletop.language.instruction import AREAS
from tasks.tabletop.world.board import color_of, shape_of

Rng = np.random.Generator
Blocks = Mapping[str, NDArray[np.float64]]
MOST: Final = 4
"""Relations of a program."""
ALIKE: Final = 0.5
"""Share of sets that are all blocks of a colour or a shape."""
INSIDE: Final = ((0.2, 0.5), (-0.25, 0.25))
"""Metres, x and y, of places that are asked for."""


def draw_step(rng: Rng, blocks: Blocks) -> Step:
    """One to four relations that can hold together, and do not."""
    while True:
        relations = tuple(draw_relation(rng, blocks) for _ in range(int(rng.integers(1, MOST + 1))))
        held = [relation.reward(blocks) >= 1.0 for relation in relations]
        if not all(held) and arrange(relations, blocks, starts=3) is not None:
            return relations


def draw_relation(rng: Rng, blocks: Blocks) -> Relation:
    """Of any kind, each as likely."""
    while True:
        try:
            return _KINDS[int(rng.integers(len(_KINDS)))](rng, blocks)
        except ValueError:  # too few blocks for it
            continue


def _one(rng: Rng, items: tuple[str, ...]) -> str:
    return items[int(rng.integers(len(items)))]


def _names(rng: Rng, blocks: Blocks, count: int) -> tuple[str, ...]:
    """So many different blocks. Raises ValueError where there are fewer."""
    return tuple(str(name) for name in rng.choice(sorted(blocks), count, replace=False))


def _set(rng: Rng, blocks: Blocks, least: int = 1) -> tuple[str, ...]:
    """Blocks that are alike, or a few; in the order that sets have. Raises ValueError for fewer."""
    first = _one(rng, tuple(sorted(blocks)))
    kind = color_of if rng.random() < 0.5 else shape_of
    alike = tuple(name for name in sorted(blocks) if kind(name) == kind(first))
    if rng.random() < ALIKE and len(alike) >= least:
        return alike
    return tuple(sorted(_names(rng, blocks, int(rng.integers(least, max(least, 4) + 1)))))


def _two_sets(rng: Rng, blocks: Blocks) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A set, and one block or two that are not of it. Raises ValueError where there are none."""
    who = _set(rng, blocks)
    rest = {name: xy for name, xy in blocks.items() if name not in who}
    return who, tuple(sorted(_names(rng, rest, 1 if rng.random() < 0.7 else 2)))


def _stood(names: tuple[str, ...], blocks: Blocks) -> tuple[tuple[float, float], ...]:
    return tuple((float(blocks[name][0]), float(blocks[name][1])) for name in names)


def _side(rng: Rng, blocks: Blocks) -> Relation:
    who, others = _two_sets(rng, blocks)
    return Side(who, _one(rng, tuple(SAID)), others)


def _between(rng: Rng, blocks: Blocks) -> Relation:
    a, b, *who = _names(rng, blocks, int(rng.integers(3, 5)))
    return Between(tuple(who), (a, b))


def _apart(rng: Rng, blocks: Blocks) -> Relation:
    return Apart(*_two_sets(rng, blocks)) if rng.random() < 0.6 else Apart(_set(rng, blocks, 2))


def _circle(rng: Rng, blocks: Blocks) -> Relation:
    who = _set(rng, blocks, 3)
    rest = {name: xy for name, xy in blocks.items() if name not in who}
    around = _names(rng, rest, 1)[0] if rest and rng.random() < 0.25 else ""
    return Circle(who, around, float(rng.uniform(0.12, 0.24)) if rng.random() < 0.2 else 0.0)


def _at(rng: Rng, blocks: Blocks) -> Relation:
    x, y = (float(rng.uniform(*limits)) for limits in INSIDE)
    return AtPlace(_names(rng, blocks, 1)[0], x, y)


def _swapped(rng: Rng, blocks: Blocks) -> Relation:
    a, b = _names(rng, blocks, 2)
    (first, second) = _stood((a, b), blocks)
    return Swapped((a, b), (first, second))


def _not_moved(rng: Rng, blocks: Blocks) -> Relation:
    who = tuple(sorted(_names(rng, blocks, int(rng.integers(1, 3)))))
    return NotMoved(who, _stood(who, blocks))


def _some_of(rng: Rng, blocks: Blocks) -> Relation:
    """All but one of a set in an area."""
    who, area = _set(rng, blocks, 2), _one(rng, (*AREAS, CENTER))
    return SomeOf(tuple(InArea(tuple(n for n in who if n != left), area) for left in who))


def _long(rng: Rng, blocks: Blocks) -> Relation:
    return Long(LONG_TASKS[int(rng.integers(len(LONG_TASKS)))], tuple(sorted(blocks)))


_WHERE: Final = (ANYWHERE, MIDDLE, *SIDES)
_KINDS: Final[tuple[Callable[[Rng, Blocks], Relation], ...]] = (
    lambda rng, blocks: InArea(_set(rng, blocks), _one(rng, (*AREAS, CENTER))),
    lambda rng, blocks: Near(*_two_sets(rng, blocks)),
    lambda rng, blocks: Together(_set(rng, blocks, 2)),
    lambda rng, blocks: Line(_set(rng, blocks, 2), _one(rng, tuple(WAYS)), _one(rng, _WHERE)),
    lambda rng, blocks: Row(_names(rng, blocks, int(rng.integers(2, 5))), _one(rng, tuple(ORDERS))),
    lambda rng, blocks: Corners(_names(rng, blocks, CORNERS[figure := _one(rng, tuple(CORNERS))]), figure),
    lambda rng, blocks: AreaClear(tuple(sorted(blocks)), _one(rng, (*AREAS, CENTER))),
    _side, _between, _apart, _circle, _at, _swapped, _not_moved, _some_of, _long,
)  # fmt: skip
