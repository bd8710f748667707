"""Arrangement: places for blocks at which several relations hold at once, near to where they stand.

Positions are projected in turn onto each relation, onto "no two overlap" and onto the reachable board, until
all hold (position-based dynamics: Mueller et al., "Position based dynamics", 2007), from the board as it is
and then from boards shaken ever more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.demos.oracle import REACH_HIGH, REACH_LOW
from tasks.tabletop.goals.families import deep_in_area
from tasks.tabletop.goals.relations.base import Relation
from tasks.tabletop.goals.relations.some_of import SomeOf
from tasks.tabletop.world.board import BOARD_CENTER

Vector = NDArray[np.float64]
Blocks = Mapping[str, Vector]
GAP: Final = 0.052
"""Metres between centres that blocks are kept apart; they touch at 0.028 to 0.042."""
ROUNDS: Final = 150
STARTS: Final = 12
SHAKE: Final = 0.004
"""Metres that every block may be off, and the relations must still hold."""
_SHIFTS: Final = np.random.default_rng(0).choice([-1.0, 1.0], (4, 16, 2)) * SHAKE
TAKES: Final = 0.1
"""Metres that a block which has to move counts for at least."""


def arrange(
    relations: Sequence[Relation],
    blocks: Blocks,
    *,
    pinned: Collection[str] = (),
    closed: Sequence[str] = (),
    starts: int = STARTS,
    seed: int = 0,
) -> dict[str, Vector] | None:
    """Places [2] in metres of all blocks at which the relations hold; None where none were found.

    pinned: blocks that stay where they are. closed: areas that no block outside of them may be brought into.
    """
    names, rng = sorted(blocks), np.random.default_rng(seed)
    fixed = np.array([name in pinned for name in names])
    begin = np.array([blocks[name] for name in names], float).reshape(-1, 2)
    out = [(area, ~deep_in_area(area, begin, 0.0)) for area in closed]
    best: tuple[float, dict[str, Vector]] | None = None
    for start in range(min(starts, 3) if any(isinstance(r, SomeOf) for r in relations) else starts):
        places = begin.copy()
        if start:  # ever farther from the board as it is
            places += rng.normal(0, 0.03 * start, places.shape) * ~fixed[:, None]
        found = _projected(relations, names, places, fixed, out)
        if found is not None:
            way = np.linalg.norm(found - begin, axis=1)
            cost = float(way.sum() + TAKES * (way > 0.012).sum())
            if best is None or cost < best[0]:
                best = cost, dict(zip(names, found, strict=True))
            if start == 0 or start > 2:
                break
    return None if best is None else best[1]


def _projected(
    relations: Sequence[Relation],
    names: Sequence[str],
    places: Vector,
    fixed: NDArray[np.bool_],
    closed: Sequence[tuple[str, NDArray[np.bool_]]],
) -> Vector | None:
    number = {name: k for k, name in enumerate(names)}
    for _ in range(ROUNDS):
        if _holds(relations, names, places):
            return places
        before = places.copy()
        for relation in relations:
            wanted = relation.wanted(dict(zip(names, places, strict=True)))
            for name, xy in wanted.items():
                if not fixed[number[name]]:
                    places[number[name]] += 0.7 * (xy - places[number[name]])
        _keep(places, fixed, closed)
        if np.abs(places - before).max(initial=0.0) < 1e-5:
            break
    return places if _holds(relations, names, places) else None


def _keep(places: Vector, fixed: NDArray[np.bool_], closed: Sequence[tuple[str, NDArray[np.bool_]]]) -> None:
    """Blocks apart, on the board, and out of closed areas."""
    for a in range(len(places)):
        gaps = places - places[a]
        far = np.hypot(gaps[:, 0], gaps[:, 1])
        for b in np.flatnonzero(far < GAP):
            if b <= a or (fixed[a] and fixed[b]):
                continue
            way = gaps[b] / far[b] if far[b] > 1e-9 else np.array([1.0, 0.0])
            short = GAP + 1e-4 - far[b]
            part = 1.0 if fixed[a] or fixed[b] else 0.5
            places[a] -= way * short * part * (not fixed[a])
            places[b] += way * short * part * (not fixed[b])
    free = ~fixed
    places[free] = np.clip(places[free], REACH_LOW, REACH_HIGH)
    for area, outside in closed:
        for k in np.flatnonzero(free & outside & deep_in_area(area, places, -0.02)):
            places[k] = _out_of(area, places[k])


def _out_of(area: str, xy: Vector) -> Vector:
    """The nearest point [2] well outside an area."""
    sides = {"top": (0, 1.0), "bottom": (0, -1.0), "left": (1, 1.0), "right": (1, -1.0)}
    ways = [sides[side] for side in area.split("_")]
    axis, sign = min(ways, key=lambda way: -way[1] * (xy[way[0]] - BOARD_CENTER[way[0]]))
    out = xy.copy()
    out[axis] = BOARD_CENTER[axis] + sign * 0.022
    return out


def _holds(relations: Sequence[Relation], names: Sequence[str], places: Vector) -> bool:
    """Whether all hold, and still do when every block is a little off; and no two overlap."""
    gaps = np.linalg.norm(places[:, None] - places[None], axis=-1) + np.eye(len(places))
    if gaps.min(initial=1.0) < GAP - 0.008:
        return False
    boards = [places, *(places + shift[: len(places)] for shift in _SHIFTS)]
    return all(
        relation.reward(dict(zip(names, board, strict=True))) >= 1.0
        for board in boards
        for relation in relations
    )
