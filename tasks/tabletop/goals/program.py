"""Program: relations that are to hold together, in one step or in several, and the goal that it sets."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.goals.area import ClearTheCenter, MoveToArea
from tasks.tabletop.goals.arrange import arrange
from tasks.tabletop.goals.base import LongTask
from tasks.tabletop.goals.line import MakeLine
from tasks.tabletop.goals.relations import (
    AreaClear,
    AtPlace,
    InArea,
    Line,
    Long,
    NotMoved,
    Relation,
    Swapped,
)
from tasks.tabletop.language.instruction import AREAS, LINES
from tasks.tabletop.world.board import HOLD_STEPS

Blocks = Mapping[str, NDArray[np.float64]]
Step = tuple[Relation, ...]


@dataclass(frozen=True)
class Program:
    """Steps, each of relations that are to hold together. Raises ValueError for an empty one."""

    steps: tuple[Step, ...]
    kept: tuple[tuple[bool, ...], ...] = ()
    """Of the relations of all steps but the last, whether each must still hold at the end; none said: all."""

    def __post_init__(self) -> None:
        if not self.steps or not all(self.steps):
            raise ValueError("expected a program of one relation or more, got none")
        if not self.kept:
            kept = tuple(tuple(True for _ in step) for step in self.steps[:-1])
            object.__setattr__(self, "kept", kept)

    @property
    def relations(self) -> tuple[Relation, ...]:
        """Those of all steps."""
        return tuple(relation for step in self.steps for relation in step)

    def still(self, step: int) -> Step:
        """The relations of earlier steps that must hold at the end of a step."""
        pairs = zip(self.steps[:step], self.kept[:step], strict=True)
        return tuple(r for held, kept in pairs for r, keep in zip(held, kept, strict=True) if keep)

    @property
    def words(self) -> str:
        """The whole in plain words."""
        if len(self.steps) == 1:
            return "; ".join(relation.words for relation in self.steps[0])
        said = []
        for number, step in enumerate(self.steps):
            words = " and ".join(relation.words for relation in step)
            said.append(f"{'then' if number else 'first'}: {words}{self._afterwards(number)}")
        return "; ".join(said)

    def _afterwards(self, number: int) -> str:
        """What becomes of a step's relations at the end."""
        if number == len(self.steps) - 1:
            return ""
        kept = self.kept[number]
        if all(kept):
            return " (still so at the end)"
        return " (need not last)" if not any(kept) else " (as far as the rest allows)"


def composed(steps: Sequence[Step], blocks: Blocks) -> Program:
    """A program of these steps on a board: what an earlier step asks must still hold at the end, unless no
    arrangement was found in which it does along with what comes later."""
    final, kept = list(steps[-1]), []
    for step in reversed(steps[:-1]):
        flags = []
        for relation in step:
            keep = arrange([*final, relation], blocks) is not None
            flags.append(keep)
            final += [relation] if keep else []
        kept.append(tuple(flags))
    return Program(tuple(steps), tuple(reversed(kept)))


@dataclass
class ProgramGoal:
    """A program as the goal of a board. It is done step by step: `witness` is shown what really came to be,
    and keeps count of the steps that were reached; all else stays as it was made."""

    program: Program
    names: tuple[str, ...]
    """The blocks that were there when it was asked."""
    heard: str = ""
    """How words were taken that were not understood as they stood, such as a typo; empty where all were."""
    hold_steps: int = HOLD_STEPS
    step: int = field(default=0, compare=False)
    """The step that is worked at, from 0."""

    @property
    def text(self) -> str:
        return self.program.words

    @property
    def plain(self) -> str:
        """Its words for those who learn from words what they mean: of one step without what explains them
        in brackets."""
        return self.text if len(self.program.steps) > 1 else re.sub(r" \([^()]*\)", "", self.text)

    @property
    def name(self) -> str:
        return "program"

    @property
    def relative(self) -> bool:
        return any(
            isinstance(relation, (NotMoved, Swapped)) or (isinstance(relation, AtPlace) and relation.moved)
            for relation in self.program.relations
        )

    @property
    def now(self) -> Step:
        """The relations that are to hold at the end of the present step."""
        return (*self.program.still(self.step), *self.program.steps[self.step])

    def witness(self, blocks: Blocks) -> None:
        """Go on to the next step where all of this one is so."""
        while self.step + 1 < len(self.program.steps) and all(r.reward(blocks) >= 1.0 for r in self.now):
            self.step += 1

    def reward(self, blocks: Blocks, target: Sequence[float]) -> float:
        """The share of the program's relations that hold, those of earlier steps that need not last counted
        as reached; 1 exactly when the last step was come to, and all that must hold does."""
        held = 0
        for number, step in enumerate(self.program.steps):
            for k, relation in enumerate(step):
                passed = number < self.step and not self.program.kept[number][k]
                held += passed or (number <= self.step and relation.reward(blocks) >= 1.0)
        return held / len(self.program.relations)


def long_of(program: Program, names: Collection[str]) -> LongTask | None:
    """The long task that a program of one relation is, or None."""
    if len(program.relations) != 1:
        return None
    relation, everyone = program.relations[0], sorted(names)
    match relation:
        case Long(task=task):
            return task
        case AreaClear(area="center"):
            return ClearTheCenter()
        case InArea(area=area) if sorted(relation.who) == everyone and area in AREAS:
            return MoveToArea(area)
        case Line(where="middle", direction=way) if sorted(relation.who) == everyone and way in LINES:
            return MakeLine(way)
    return None


def why_not(program: Program, blocks: Blocks) -> str | None:
    """Why a program can't come true on a board, or None where it seems that it can: each step by itself,
    along with what must still hold."""
    for number, step in enumerate(program.steps):
        asked = (*program.still(number), *step)
        if all(relation.reward(blocks) >= 1.0 for relation in asked) or arrange(asked, blocks) is not None:
            continue
        for relation in asked:
            if arrange([relation], blocks) is None:
                return f"expected what fits on the table, got no way to have {relation.words}"
        for k, one in enumerate(asked):
            for other in asked[k + 1 :]:
                if arrange([one, other], blocks) is None:
                    return (
                        f"expected what can be true together, got no way to have both {one.words} and "
                        f"{other.words}"
                    )
        return "expected what can be true together, got no way to have all of it: " + program.words
    return None
