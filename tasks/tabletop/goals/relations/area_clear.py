"""Area clear: no block in a part of the board."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.tabletop.goals.push import OFF_CENTER
from tasks.tabletop.goals.relations.base import Blocks, Places, Vector, apart, share
from tasks.tabletop.goals.relations.in_area import CENTER, area_named, inside
from tasks.tabletop.language.instruction import AREAS
from tasks.tabletop.world.board import BOARD_CENTER

OUT: Final = 0.025
"""Metres out of it where a block is wanted."""
_SIDES: Final = {"top": (0, 1.0), "bottom": (0, -1.0), "left": (1, 1.0), "right": (1, -1.0)}
"""Axis along which a block leaves, and which way."""


def within(area: str, xy: Vector) -> bool:
    """Whether a point [2] is in an area that is to be clear; the centre is what is 0.15 m around."""
    if area == CENTER:
        return apart(xy, np.array(BOARD_CENTER)) <= OFF_CENTER
    return inside(area, xy)


@dataclass(frozen=True)
class AreaClear:
    """Reward: the share of the board's blocks whose centre is not in the area. Raises ValueError for an
    unknown one."""

    all: tuple[str, ...]
    """The blocks that were there when it was asked."""
    area: str

    def __post_init__(self) -> None:
        if self.area not in (*AREAS, CENTER):
            raise ValueError(f"expected an area among {', '.join((*AREAS, CENTER))}; got {self.area!r:.80}")

    @property
    def words(self) -> str:
        return f"no block in the {area_named(self.area)}" + (
            " (15 cm around it)" if self.area == CENTER else ""
        )

    @property
    def names(self) -> tuple[str, ...]:
        return self.all

    def reward(self, blocks: Blocks) -> float:
        return share([n for n in self.all if n in blocks and not within(self.area, blocks[n])], self.all)

    def wanted(self, blocks: Blocks) -> Places:
        return {name: self._out(blocks[name]) for name in self.all if name in blocks}

    def _out(self, xy: Vector) -> Vector:
        gap = xy - np.array(BOARD_CENTER)
        if self.area == CENTER:
            far = float(np.hypot(*gap))
            way = gap / far if far > 1e-9 else np.array([0.0, 1.0])
            return np.asarray(BOARD_CENTER + way * max(far, OFF_CENTER + OUT))
        ways = [_SIDES[side] for side in self.area.split("_")]
        short = [OUT - sign * gap[axis] for axis, sign in ways]
        if min(short) <= 0:
            return xy
        axis, sign = ways[int(np.argmin(short))]
        out = xy.astype(float)
        out[axis] = BOARD_CENTER[axis] + sign * OUT
        return out
