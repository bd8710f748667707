"""Parts for programs of relations, which the bundled VLM was not trained on: subgoals and steps-to-go from an
arrangement of the blocks that are seen, at which all relations hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from planner import Frames, Proposal, StepsToGo
from tasks.route import route, segment_distance
from tasks.tabletop.demos.oracle import REACH_HIGH, REACH_LOW
from tasks.tabletop.goals.arrange import arrange
from tasks.tabletop.goals.program import ProgramGoal, Step
from tasks.tabletop.goals.relations import InArea, Relation
from tasks.tabletop.language import canonical
from tasks.tabletop.language.instruction import AREAS, Instruction
from tasks.tabletop.language.subgoals import mentioned
from tasks.tabletop.rules import BoardRules
from tasks.tabletop.seeing.encoder import PoseProbe
from tasks.tabletop.world.board import words_of
from vlp.domains.tabletop.rules import RuledProposer
from vlp.domains.tabletop.sight import expected_reward

Vector = NDArray[np.float64]
Places = dict[str, Vector]
OFF: Final = 0.012
"""Metres from its place in the arrangement from which a block has to be pushed."""
FREE: Final = 0.045
"""Metres that other blocks must be from a place for it to be free, and from a way for that to be clear."""
LEAST: Final = 0.035
"""Metres of a piece of way that is worth a push of its own."""
STAYED: Final = 0.008
"""Metres below which a block has not been moved by what was tried."""
PUSH, WAY, BARRED = 20.0, 100.0, 60.0
"""Control steps of a push at least, of a metre of it, and more where its place is taken."""
NO_CONFIDENCE: Final = "expected a task or a push that confidence was fitted to, got a program; leave it out"


@dataclass(frozen=True)
class Arranged:
    """A board with the places that its blocks are wanted at."""

    blocks: Places
    wanted: Places
    relations: tuple[Relation, ...]

    @property
    def off(self) -> list[str]:
        """The blocks that are not at their places."""
        return [n for n in self.blocks if self._far(n) > OFF]

    def _far(self, name: str) -> float:
        return float(np.hypot(*(self.wanted[name] - self.blocks[name])))

    def _others(self, name: str) -> Vector:
        return np.array([xy for other, xy in self.blocks.items() if other != name]).reshape(-1, 2)

    def barred(self, name: str) -> bool:
        """Whether another block stands in its place."""
        rest = self._others(name)
        return len(rest) > 0 and float(np.linalg.norm(rest - self.wanted[name], axis=1).min()) < FREE

    @property
    def steps(self) -> float:
        """Control steps to go, about."""
        return sum(PUSH + WAY * self._far(name) + BARRED * self.barred(name) for name in self.off)

    def pushes(self) -> list[list[str]]:
        """For each block that is to be pushed, the nearest first, ways to say it, the likeliest first. One
        whose place is free goes to the end of the first straight piece of its way, or all the way; one that
        is barred, and what bars it, goes out of the way."""
        free = sorted((name for name in self.off if not self.barred(name)), key=self._cost)
        found = []
        for name in free:
            ends = [self._next(name, self.wanted[name]), self.wanted[name]]
            found.append([*(spot_words(name, end) for end in ends), *self._into(name)])
        for name in (name for name in self.off if self.barred(name)):
            aside = self._aside(name)
            found.append([*([] if aside is None else [spot_words(name, aside)]), *self._into(name)])
        return [list(dict.fromkeys(row)) for row in found if row]

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


class Arranger:
    """Arranges the boards that a probe sees for a goal's present step.

    Args:
        probe: sees where the blocks are.
        goal: whose relations are to hold.
        rules: what may not be moved, and where nothing may go.
    """

    def __init__(self, probe: PoseProbe, goal: ProgramGoal, rules: BoardRules) -> None:
        self.probe, self.goal, self.rules = probe, goal, rules
        self._last: tuple[Step, Places] | None = None
        """The newest arrangement, for boards from which none is found."""

    def of(self, frames: Frames) -> list[Arranged | None]:
        """For each frame uint8 [N, H, W, 3] its arrangement, None where none was found."""
        return [self._one({n: np.array(xy, float) for n, xy in seen.items()})
                for seen in self.probe.blocks_of(frames)]  # fmt: skip

    def _one(self, blocks: Places) -> Arranged | None:
        now, pinned, closed = self.goal.now, self.rules.forbidden_blocks, self.rules.areas
        found = arrange(now, blocks, pinned=pinned, closed=closed)
        if found is None and self._last is not None and self._last[0] == now:
            found = self._last[1] if set(self._last[1]) == set(blocks) else None
        if found is None:
            return None
        self._last = now, found
        arranged = Arranged(blocks, found, now)
        return arranged if arranged.off else self._with_room(arranged)

    def _with_room(self, arranged: Arranged) -> Arranged:
        """Where nothing is off its place by the arrangement: with the places at which the relations hold with
        room to spare. What holds only just is not seen to be so, and something has to be done about it."""
        wanted = dict(arranged.wanted)
        for relation in arranged.relations:
            wanted |= {
                name: xy
                for name, xy in relation.wanted(wanted).items()
                if name not in self.rules.forbidden_blocks
            }
        holds = all(relation.reward(wanted) >= 1.0 for relation in arranged.relations)
        return replace(arranged, wanted=wanted) if holds else arranged


class ProgramProposer:
    """Proposes pushes to the places of an arrangement. Where a block was to be pushed and has not moved
    since, it is told otherwise the next time."""

    def __init__(self, arranger: Arranger) -> None:
        self._arranger = arranger
        self._before: Places = {}
        self._tried: dict[str, int] = {}

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """See planner.Proposer."""
        found = self._arranger.of(frames)
        if len(found) == 1 and not histories[0] and found[0] is not None:
            self._note(found[0])
        return [self._row(arranged, n) for arranged in found]

    def _note(self, arranged: Arranged) -> None:
        """How often each block was to be pushed from where it stands."""
        for name, here in arranged.blocks.items():
            stayed = name in self._before and float(np.hypot(*(here - self._before[name]))) < STAYED
            self._tried[name] = self._tried.get(name, -1) + 1 if stayed and name in arranged.off else 0
        self._before = dict(arranged.blocks)

    def _row(self, arranged: Arranged | None, n: int) -> list[Proposal]:
        if arranged is None:
            return []
        rows = [self._turned(row) for row in arranged.pushes()]
        most = max(map(len, rows), default=0)
        texts = [row[k] for k in range(most) for row in rows if k < len(row)]
        chosen = list(dict.fromkeys(texts))[:n]
        return [Proposal(text, 1.0 / len(chosen)) for text in chosen]

    def _turned(self, row: list[str]) -> list[str]:
        """Ways to say one block's push, beginning after those that did not move it."""
        first = max(0, self._tried.get(mentioned(row[0])[0], 0)) // 2 % len(row)
        return row[first:] + row[:first]


def spot_words(name: str, xy: Vector) -> str:
    """The push of a block to a place [2] metres."""
    return f"push the {words_of(name)} to the spot x {100 * xy[0]:.1f} y {100 * xy[1]:.1f}"


class ProgramValue:
    """Steps-to-go from how far blocks are from an arrangement's places; 0 where the goal is seen reached."""

    def __init__(self, arranger: Arranger, done_below: float) -> None:
        self._arranger, self._done_below = arranger, done_below

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """See planner.Value."""
        own = self._arranger.goal
        seen = zip(*self._arranger.probe.places(frames), strict=True)
        done = [expected_reward(own, here, where, where[-1]) >= 1.0 for here, where in seen]
        later = len(own.program.steps) - 1 - own.step
        steps = [
            0.0 if over else self._done_below + 1.0 + (100.0 * later) + (500.0 if a is None else a.steps)
            for over, a in zip(done, self._arranger.of(frames), strict=True)
        ]
        mean = np.array(steps, np.float32)
        return StepsToGo(mean, (0.25 * mean).astype(np.float32))


def toward(parts: Any, goal: Any) -> Any:
    """The parts for a goal: others than the bundled VLM's where it is a program."""
    if not isinstance(goal, ProgramGoal):
        return parts
    rules = parts.sight.rules
    arranger = Arranger(parts.probe, goal, rules)
    own: Any = ProgramProposer(arranger)
    if rules.about_blocks and isinstance(parts.proposer, RuledProposer):
        own = parts.proposer.around(own)
    return replace(
        parts,
        proposer=own,
        value=ProgramValue(arranger, 4.0),
        verify=None,
        success=None,
        confidence=None,
        no_confidence=NO_CONFIDENCE,
        max_value_gain=None,
    )
