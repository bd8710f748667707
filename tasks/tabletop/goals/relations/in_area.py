"""In an area: a half, a quarter ("corner") or the centre of the board."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tasks.tabletop.goals.push import CENTER_REACHED, in_area
from tasks.tabletop.goals.relations.base import Blocks, Places, Vector, share
from tasks.tabletop.language.instruction import AREAS
from tasks.tabletop.world.board import BOARD_CENTER, BOARD_X, BOARD_Y

CENTER: Final = "center"
DEEP: Final = 0.025
"""Metres inside its border where a block is wanted."""


def area_named(area: str) -> str:
    """ "left" -> "left half", "top_left" -> "top left corner", "center" -> "center"."""
    if area == CENTER:
        return area
    return area.replace("_", " ") + (" corner" if "_" in area else " half")


def inside(area: str, xy: Vector) -> bool:
    """Whether a point [2] lies in an area; the centre is what is less than 0.10 m from the board's."""
    if area == CENTER:
        return float(np.hypot(*(xy - BOARD_CENTER))) < CENTER_REACHED
    return in_area(area, (float(xy[0]), float(xy[1])))


def brought_into(area: str, xy: Vector) -> Vector:
    """The nearest point [2] that lies well inside an area."""
    if area == CENTER:
        gap = xy - BOARD_CENTER
        far = float(np.hypot(*gap))
        return np.asarray(BOARD_CENTER + gap * min(1.0, (CENTER_REACHED - DEEP) / max(far, 1e-9)))
    low, high = np.array([BOARD_X, BOARD_Y]).T + np.array([[DEEP], [-DEEP]])
    parts = area.split("_")
    high[0] = min(high[0], BOARD_CENTER[0] - DEEP) if "top" in parts else high[0]
    low[0] = max(low[0], BOARD_CENTER[0] + DEEP) if "bottom" in parts else low[0]
    high[1] = min(high[1], BOARD_CENTER[1] - DEEP) if "left" in parts else high[1]
    low[1] = max(low[1], BOARD_CENTER[1] + DEEP) if "right" in parts else low[1]
    return np.clip(xy, low, high)


@dataclass(frozen=True)
class InArea:
    """Reward: the share of the blocks whose centre lies in the area. Raises ValueError for an unknown one."""

    who: tuple[str, ...]
    area: str
    said: str = field(default="", compare=False)
    """The blocks in words."""

    def __post_init__(self) -> None:
        if self.area not in (*AREAS, CENTER):
            raise ValueError(f"expected an area among {', '.join((*AREAS, CENTER))}; got {self.area!r:.80}")

    @property
    def words(self) -> str:
        return f"{self.said} in the {area_named(self.area)}"

    @property
    def names(self) -> tuple[str, ...]:
        return self.who

    def reward(self, blocks: Blocks) -> float:
        return share([n for n in self.who if n in blocks and inside(self.area, blocks[n])], self.who)

    def wanted(self, blocks: Blocks) -> Places:
        return {name: brought_into(self.area, blocks[name]) for name in self.who if name in blocks}
