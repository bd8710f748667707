"""Rule gate: the last check of an action against an operator's standing rules.

It stands on the set point, the action and where the camera shows the blocks, and on nothing that proposes,
imagines or acts. It asks what the step can do at worst (`rules.reach`), so it refuses some steps that
would have gone well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.goals.area import area_words
from tasks.tabletop.rules.reach import Moved, pushed, pushed_on, sway
from tasks.tabletop.rules.types import BoardRules, KeepClear
from tasks.tabletop.world import board

Vector = NDArray[np.float64]
COUNT: Final = len(board.KINDS)
ENTERED: Final = 0.003
"""Metres into an area that a block may reach before it counts as brought in; the camera is off by 2 mm."""
LEFT: Final = 0.01
"""Metres outside an area at which a block that stood in it at the start has left it."""


def depth(area: str, points: Vector) -> Vector:
    """How deep points [..., 2] lie in a quarter or half of the board, metres; negative outside."""
    gap = points - np.array(board.BOARD_CENTER)
    sides = {"top": -gap[..., 0], "bottom": gap[..., 0], "left": -gap[..., 1], "right": gap[..., 1]}
    return np.asarray(np.min([sides[side] for side in area.split("_")], axis=0))


def _deepest(area: str, start: Vector, end: Vector) -> float:
    """How deep the straight way between two points [2] comes into an area, metres."""
    # The least of linear functions is greatest at an end or where two of them cross.
    sides = np.array([[depth(side, start), depth(side, end)] for side in area.split("_")])
    shares = [0.0, 1.0]
    if len(sides) == 2:
        gap = sides[0] - sides[1]
        shares += [float(gap[0] / (gap[0] - gap[1]))] if gap[0] * gap[1] < 0 else []
    return max(float(depth(area, start + share * (end - start))) for share in shares)


STEADY: Final = 0.45
"""Metres a second: with reversals, the simulated pusher keeps within 6 mm of its set point up to here, and is
30 cm off at twice this speed. A gate that sees set points can vouch for blocks up to here only."""


class RuleGate:
    """Refuses actions that could break a rule; one for each run, since it remembers.

    A block that must stay is where it was seen last, even when the pusher hides it; one that was never seen
    can't be kept from harm. Blocks that stand in an area when first seen may stay or go anywhere in it, until
    they have left it.
    """

    def __init__(self, rules: BoardRules) -> None:
        self.rules = rules
        self._stays = np.isin(board.KINDS, rules.forbidden_blocks)
        self._last = np.full((COUNT, 2), np.nan)
        self._met = np.zeros(COUNT, bool)
        self._start: Vector | None = None
        self._before = 0.0
        self._at_home = {area: np.zeros(COUNT, bool) for area in rules.areas}

    @property
    def speed(self) -> float:
        """The highest speed that passes, metres a second: the rules' limit and, where they speak of blocks,
        STEADY; infinite without either."""
        limit = np.inf if self.rules.speed is None else self.rules.speed
        return min(limit, STEADY) if self.rules.about_blocks else limit

    def slowed(self, action: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """The action [2] in metres, shortened to the highest speed that passes. Call it before `check`."""
        length = max(float(np.linalg.norm(action)), 1e-9)
        share = min(1.0, self.speed / board.CONTROL_HZ / length)
        return np.asarray(np.asarray(action) * share, np.float32)

    def check(
        self,
        action: NDArray[np.floating[Any]],
        target: Sequence[float] | NDArray[np.floating[Any]],
        present: NDArray[np.bool_],
        where: NDArray[np.floating[Any]],
    ) -> str | None:
        """Why a set-point change may not be sent, in one line, or None where it breaks no rule.

        action [2] and set point target [2], metres; present [K] and where [K, 2], metres: the blocks in the
        order of board.KINDS; what follows them (the pusher) is not looked at. Raises ValueError for fewer.
        """
        if len(present) < COUNT or np.shape(where) != (len(present), 2):
            got = f"{np.shape(present)} and {np.shape(where)}"
            raise ValueError(f"expected presence [K] and places [K, 2] of at least {COUNT} kinds, got {got}")
        start, way = np.asarray(target, float), np.asarray(action, float)
        if way.shape != (2,) or not np.isfinite([way, start]).all():
            return f"expected two finite numbers in metres, got {action!r:.80}"
        there, places = self._look(np.asarray(present[:COUNT], bool), np.asarray(where[:COUNT], float))
        strays = self._strays(start, way)
        first = pushed(start, way, there, places, strays)
        moved = pushed_on([one for one in first if not self._stays[one.block]], there, places)
        return (
            self._too_fast(way)
            or self._touches(first)
            or self._enters(start, start + way)
            or self._shoves(moved)
            or self._brings_in(moved, places)
        )

    def _look(self, present: NDArray[np.bool_], where: Vector) -> tuple[NDArray[np.bool_], Vector]:
        """Presence [16] and places [16, 2] with hidden blocks that must stay where they were seen last."""
        present = present & np.isfinite(where).all(axis=1)
        self._last[present] = where[present]
        known = present | (self._stays & np.isfinite(self._last).all(axis=1))
        places = np.where(known[:, None], self._last, 0.0)
        for area, at_home in self._at_home.items():
            deep = depth(area, places)
            at_home |= present & ~self._met & (deep > 0)
            at_home &= ~(present & (deep < -LEFT))
        self._met |= present
        return known, places

    def _strays(self, start: Vector, way: Vector) -> float:
        """How far the pusher may be off its way, by its speed in this step and in the one before."""
        if self._start is None or not np.array_equal(self._start, start):
            self._before = 0.0 if self._start is None else float(np.linalg.norm(start - self._start))
            self._start = start
        fastest = max(self._before, float(np.linalg.norm(way)))
        return sway(min(fastest * board.CONTROL_HZ, STEADY))

    def _too_fast(self, way: Vector) -> str | None:
        speed = float(np.linalg.norm(way)) * board.CONTROL_HZ
        if speed <= self.speed * 1.0001 + 1e-6:
            return None
        why = "a rule says" if self.speed == self.rules.speed else "rules about blocks can be kept at"
        return f"the pusher would move {speed:.3f} m a second; {why} at most {self.speed:g} m a second"

    def _touches(self, first: Sequence[Moved]) -> str | None:
        met = next((one.block for one in first if self._stays[one.block]), None)
        return None if met is None else f"the pusher could touch the {self._against(met)}"

    def _shoves(self, moved: Sequence[Moved]) -> str | None:
        met = next((one.block for one in moved if self._stays[one.block]), None)
        return None if met is None else f"a block could be pushed against the {self._against(met)}"

    def _against(self, block: int) -> str:
        kind = board.KINDS[block]
        rule = self.rules.against_moving(kind)
        return f'{board.words_of(kind)}; a rule says "{rule.text if rule else ""}"'

    def _enters(self, start: Vector, end: Vector) -> str | None:
        """A set point that is in the area may stay or leave."""
        for area in self.rules.areas:
            if depth(area, start) <= 0 < _deepest(area, start, end):
                return f'the pusher would enter the {area_words(area)}; a rule says "{KeepClear(area).text}"'
        return None

    def _brings_in(self, moved: Sequence[Moved], where: Vector) -> str | None:
        for area, at_home in self._at_home.items():
            for one in moved:
                now = max(float(depth(area, where[one.block])), 0.0)
                if not at_home[one.block] and float(depth(area, one.rim()).max()) > now + ENTERED:
                    block = board.words_of(board.KINDS[one.block])
                    rule = KeepClear(area).text
                    return f'the {block} could be pushed into the {area_words(area)}; a rule says "{rule}"'
        return None
