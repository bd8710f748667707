"""Programs of relations demonstrated: an arrangement of the blocks at which all relations hold, and the
pushes that bring it about. A script: what carries programs out is learned from it, and compared to it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.route import route, segment_distance
from tasks.tabletop.demos.oracle import REACH_HIGH, REACH_LOW
from tasks.tabletop.goals.arrange import TAKES, arrange
from tasks.tabletop.goals.program import Step
from tasks.tabletop.goals.relations import InArea, Relation
from tasks.tabletop.language import canonical, spot_words
from tasks.tabletop.language.instruction import AREAS, Instruction

Vector = NDArray[np.float64]
Places = dict[str, Vector]
OFF: Final = 0.018
"""Metres from its place in the arrangement from which a block has to be pushed: a push ends within 0.014."""
FINE: Final = 0.006
"""The same where all are as near as that and not all holds."""
KEPT: Final = 0.8
"""Share of an arrangement's cost that another one must be below to take its place: blocks that were brought
halfway to one would have to go back for the next."""
FREE: Final = 0.045
"""Metres that other blocks must be from a place for it to be free, and from a way for that to be clear."""
ROOM: Final = 0.034
"""The same of a block that is in its own place, and only a little off it."""
LEAST: Final = 0.035
"""Metres of a piece of way that is worth a push of its own."""
TEMPERATURE: Final = 0.04
"""Metres of the softmin over costs by which a block is drawn."""
PUSH, WAY, BARRED = 20.0, 100.0, 60.0
"""Control steps of a push at least, of a metre of it, and more where its place is taken."""


@dataclass(frozen=True)
class Arranged:
    """A board with the places that its blocks are wanted at."""

    blocks: Places
    wanted: Places
    relations: tuple[Relation, ...]
    least: float = OFF
    """Metres from which a block is off its place."""

    @property
    def off(self) -> list[str]:
        """The blocks that are not at their places."""
        return [n for n in self.blocks if self._far(n) > self.least]

    def _far(self, name: str) -> float:
        return float(np.hypot(*(self.wanted[name] - self.blocks[name])))

    def _others(self, name: str) -> Vector:
        return np.array([xy for other, xy in self.blocks.items() if other != name]).reshape(-1, 2)

    def barred(self, name: str) -> bool:
        """Whether another block stands in its place: one that is off its own, or so near that there is no
        room. One that is in its own place and a little off it would bar its neighbours for ever."""
        far = {o: float(np.hypot(*(xy - self.wanted[name]))) for o, xy in self.blocks.items() if o != name}
        return any(gap < (FREE if self._far(other) > self.least else ROOM) for other, gap in far.items())

    @property
    def steps(self) -> float:
        """Control steps to go, about."""
        return sum(PUSH + WAY * self._far(name) + BARRED * self.barred(name) for name in self.off)

    def pushes(self) -> list[list[str]]:
        """For each block that is to be pushed, the nearest first, ways to say it, the likeliest first. One
        whose place is free goes to the end of the first straight piece of its way, or all the way; one that
        is barred, and what bars it, goes out of the way."""
        found = [
            [*(spot_words(name, end) for end in self._ends(name)), *self._into(name)] for name in self.order
        ]
        return [list(dict.fromkeys(row)) for row in found if row]

    @property
    def order(self) -> list[str]:
        """The blocks that are off their places: those whose place is free first, the nearest first."""
        return sorted(
            self.off, key=lambda name: (self.barred(name), 0.0 if self.barred(name) else self._cost(name))
        )

    def _ends(self, name: str) -> list[Vector]:
        """Where it may be pushed next."""
        if not self.barred(name):
            return [self._next(name, self.wanted[name]), self.wanted[name]]
        aside = self._aside(name)
        return [] if aside is None else [aside]

    def next_push(self, rng: np.random.Generator) -> tuple[str, Vector] | None:
        """A block and where [2] metres it is pushed next: one whose place is free, the nearest likeliest, and
        where there is none one that goes out of the way. None where nothing is off its place, or can go."""
        ways = [(name, ends[0]) for name in self.order if (ends := self._ends(name))]
        free = [way for way in ways if not self.barred(way[0])] or ways
        if not free:
            return None
        costs = np.array([self._cost(name) for name, _ in free])
        weights = np.exp(-(costs - costs.min()) / TEMPERATURE)
        return free[int(rng.choice(len(free), p=weights / weights.sum()))]

    def _into(self, name: str) -> list[str]:
        """The push into an area, in the words that models were trained on, where one is wanted."""
        areas = [
            r.area for r in self.relations if isinstance(r, InArea) and name in r.who and r.area in AREAS
        ]
        return [canonical(Instruction("block2area", {"block": name, "area": area})) for area in areas]

    def _cost(self, name: str) -> float:
        rest = self._others(name)
        way = segment_distance(self.blocks[name][None], self.wanted[name][None], rest)
        return self._far(name) + 0.1 * int((way < FREE).sum())

    def _next(self, name: str, end: Vector) -> Vector:
        way, _ = route(
            self.blocks[name], end, self._others(name), clearance=FREE + 0.01, low=REACH_LOW, high=REACH_HIGH
        )
        far = [point for point in way if np.hypot(*(point - self.blocks[name])) > LEAST]
        return np.asarray(far[0] if far else way[-1])

    def _aside(self, name: str) -> Vector | None:
        """The nearest place that is nobody's, on a ring about where a block is."""
        rest = np.concatenate([self._others(name), np.array(list(self.wanted.values()))])
        turns = np.arange(16) * np.pi / 8
        for radius in (0.08, 0.11, 0.15, 0.2):
            ring = self.blocks[name] + radius * np.stack([np.cos(turns), np.sin(turns)], 1)
            ring = ring[((ring >= REACH_LOW) & (ring <= REACH_HIGH)).all(1)]
            if len(ring):
                room = np.linalg.norm(ring[:, None] - rest[None], axis=-1).min(1)
                if room.max() > FREE + 0.015:
                    return np.asarray(ring[int(room.argmax())])
        return None


def cost(wanted: Places, blocks: Places) -> float:
    """Metres of all ways from where blocks stand, with TAKES for each that has to move."""
    ways = np.array([np.hypot(*(wanted[name] - blocks[name])) for name in blocks])
    return float(ways.sum() + TAKES * (ways > OFF).sum())


class Arranging:
    """Arranges boards for the relations of a step, one after another.

    Args:
        pinned: blocks that stay where they are.
        closed: areas that no block outside of them may be brought into.
    """

    def __init__(self, pinned: Collection[str] = (), closed: tuple[str, ...] = ()) -> None:
        self._pinned, self._closed = pinned, closed
        self._last: tuple[Step, Places] | None = None
        """The newest arrangement, for boards from which none is found."""

    def of(self, now: Step, blocks: Places, *, real: bool = True) -> Arranged | None:
        """The arrangement of a board, None where none was found. That of the real board before is kept where
        it will do."""
        found = arrange(now, blocks, pinned=self._pinned, closed=self._closed)
        if (kept := self._kept(now, blocks)) is not None:
            worse = found is None or cost(kept, blocks) * KEPT <= cost(found, blocks)
            found = kept if worse else found
        if found is None:
            return None
        if real or self._last is None:
            self._last = now, found
        arranged = Arranged(blocks, found, now)
        if arranged.off:
            return arranged
        finer = replace(arranged, least=FINE)
        holds = all(relation.reward(blocks) >= 1.0 for relation in now)
        return self._with_room(finer) if holds or not finer.off else finer

    def _kept(self, now: Step, blocks: Places) -> Places | None:
        """The newest arrangement, if it is of this step and these blocks, and none that may not be moved."""
        if self._last is None or self._last[0] != now or set(self._last[1]) != set(blocks):
            return None
        places = self._last[1]
        moved = [n for n in self._pinned if n in blocks and np.hypot(*(places[n] - blocks[n])) > FINE]
        return None if moved else places

    def _with_room(self, arranged: Arranged) -> Arranged:
        """Where nothing is off its place by the arrangement: with the places at which the relations hold with
        room to spare. What holds only just is not seen to be so, and something has to be done about it."""
        wanted = dict(arranged.wanted)
        for relation in arranged.relations:
            wanted |= {name: xy for name, xy in relation.wanted(wanted).items() if name not in self._pinned}
        holds = all(relation.reward(wanted) >= 1.0 for relation in arranged.relations)
        return replace(arranged, wanted=wanted) if holds else arranged
