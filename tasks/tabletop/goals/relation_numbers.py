"""Relations as numbers, for networks: which kind, which blocks in which role, and what else is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.goals import LONG_TASKS
from tasks.tabletop.goals import relations as kinds
from tasks.tabletop.goals.area import SortToCorners
from tasks.tabletop.goals.relations import AtPlace, Long, NotMoved, Relation, Row, SomeOf, Swapped
from tasks.tabletop.goals.relations.corners import CORNERS
from tasks.tabletop.goals.relations.in_area import CENTER
from tasks.tabletop.goals.relations.line import ANYWHERE, MIDDLE, WAYS
from tasks.tabletop.goals.relations.row import ORDERS
from tasks.tabletop.goals.relations.side import SAID
from tasks.tabletop.language.instruction import AREAS
from tasks.tabletop.seeing.slots import CENTER as MIDDLE_XY
from tasks.tabletop.seeing.slots import SCALE
from tasks.tabletop.world.board import KINDS

KIND_NAMES: Final = tuple(sorted({*kinds.__all__} - {"Relation", "SomeOf"}))
"""Of relations; any so many of a set are told as the relation of all that may be chosen."""
WORDS: Final = (
    "", *dict.fromkeys((
        *AREAS, CENTER, *SAID, *WAYS, ANYWHERE, MIDDLE, *ORDERS, *CORNERS,
        *(task.instruction for task in LONG_TASKS),
    )),
)  # fmt: skip
"""What relations say beside blocks and numbers; 0 is nothing."""
FIRST_TASK: Final = len(WORDS) - len(LONG_TASKS)
"""From here on WORDS are long tasks."""
MOST_WORDS: Final = 2
MEASURES: Final = 3
"""A tolerance or a size, and how many of a set, in decimetres and in eighths; and whether any so many."""
ROLES: Final = 8
"""Whether it is one of the first blocks named, whether one of the second; where in their order, 0..1, and
whether that is said; where it stood or is wanted, as slots tell places, and whether that is said; 1."""
_FIRST, _SECOND, _ORDER, _ORDERED, _X, _Y, _PLACED, _THERE = range(ROLES)
_FIRSTS: Final = ("who", "all", "order", "pair")
_SECONDS: Final = ("others", "ends", "around")
_ORDERS: Final = ("order", "pair")


@dataclass(frozen=True)
class Asked:
    """R relations as arrays."""

    kind: NDArray[np.int64]
    """[R] numbers in KIND_NAMES."""
    words: NDArray[np.int64]
    """[R, MOST_WORDS] numbers in WORDS."""
    measures: NDArray[np.float32]
    """[R, MEASURES]"""
    roles: NDArray[np.float32]
    """[R, 16, ROLES] for the blocks in the order of KINDS."""


def asked(relations: Sequence[Relation]) -> Asked:
    """Relations as arrays. Raises ValueError for a kind that is none of KIND_NAMES."""
    rows = [_row(relation) for relation in relations]
    kind, words, measures, roles = zip(*rows, strict=True)
    return Asked(np.array(kind), np.stack(words), np.stack(measures), np.stack(roles))


_Row = tuple[int, NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]


def _row(relation: Relation) -> _Row:
    if isinstance(relation, SomeOf):
        kind, words, measures, roles = _row(relation.choices[0])
        measures[1:] = roles[:, _FIRST].sum() / 8, 1.0
        for choice in relation.choices[1:]:
            roles = np.maximum(roles, _row(choice)[3])
        return kind, words, measures, roles
    name = type(relation).__name__
    if name not in KIND_NAMES:
        raise ValueError(f"expected a relation among {', '.join(KIND_NAMES)}; got {name}")
    said, measures = np.zeros(MOST_WORDS, np.int64), np.zeros(MEASURES, np.float32)
    texts = _words(relation)
    said[: len(texts)] = [WORDS.index(text) for text in texts]
    measures[0] = 10 * getattr(relation, "tolerance", getattr(relation, "across", 0.0))
    return KIND_NAMES.index(name), said, measures, _roles(relation)


def _words(relation: Relation) -> list[str]:
    """What it says beside blocks and numbers."""
    if isinstance(relation, Long):
        return [relation.task.instruction]
    entries = ("area", "direction", "where", "along", "figure")
    return [str(getattr(relation, entry)) for entry in entries if hasattr(relation, entry)]


def _roles(relation: Relation) -> NDArray[np.float32]:
    """[16, ROLES]"""
    roles = np.zeros((len(KINDS), ROLES), np.float32)
    for entry in (*_FIRSTS, *_SECONDS):
        value = getattr(relation, entry, ())
        names = [value] if isinstance(value, str) else list(value)
        for number, name in enumerate(name for name in names if name):
            row = roles[KINDS.index(name)]
            row[_THERE], row[_SECOND if entry in _SECONDS else _FIRST] = 1.0, 1.0
            if entry in _ORDERS:
                row[_ORDER], row[_ORDERED] = number / max(1, len(names) - 1), 1.0
    for name, xy in _places(relation).items():
        roles[KINDS.index(name), _X : _PLACED + 1] = *((np.array(xy) - MIDDLE_XY) / SCALE), 1.0
    return roles


def _places(relation: Relation) -> dict[str, tuple[float, float]]:
    """Where blocks are wanted, metres; of two that are swapped, where the other stood."""
    if isinstance(relation, AtPlace):
        return {relation.who: (relation.x, relation.y)}
    if isinstance(relation, Swapped):
        return dict(zip(relation.pair, relation.stood[::-1], strict=True))
    return dict(zip(relation.who, relation.stood, strict=True)) if isinstance(relation, NotMoved) else {}


def _mirrored(word: str) -> str:
    other = word.replace("left", "<").replace("right", "left").replace("<", "right")
    return other if other in WORDS else word


MIRRORED: Final = np.array([WORDS.index(_mirrored(word)) for word in WORDS])
"""What WORDS become in a mirror, left and right."""
ONE_WAY: Final = WORDS.index(SortToCorners().instruction)
"""In WORDS, what has no mirror image."""


def mirrored(given: Asked) -> Asked:
    """Relations as a mirror shows them, left and right swapped; rows from left to right run the other way."""
    roles = given.roles.copy()
    roles[..., _Y] *= -1
    rows = given.kind == KIND_NAMES.index(Row.__name__)
    rows &= (given.words == WORDS.index("left_to_right")).any(1)
    ordered = roles[rows][..., _ORDERED]
    roles[rows, :, _ORDER] = ordered - roles[rows][..., _ORDER]
    return Asked(given.kind, MIRRORED[given.words], given.measures, roles)
