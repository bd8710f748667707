"""Goal of an instruction, long or single: how well it is done, and whether it is known at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.domain import AmbiguousInstruction, Goal, ImpossibleInstruction
from tasks.tabletop.goals import BY_INSTRUCTION, LongTask
from tasks.tabletop.goals.program import ProgramGoal, Step, composed, long_of, why_not
from tasks.tabletop.goals.push import fixed_fields, succeeded
from tasks.tabletop.goals.relations import NotMoved
from tasks.tabletop.goals.relations.base import listed
from tasks.tabletop.language import UnknownInstruction, canonical, parse
from tasks.tabletop.language.instruction import Instruction
from tasks.tabletop.language.read import MAX_CHARACTERS, shown
from tasks.tabletop.world.board import HOLD_STEPS

Vector = NDArray[np.float64]
Blocks = Mapping[str, Vector]


class BoardGoal(Goal, Protocol):
    """What is asked of a board; its name is the text of a long task, or the family of a push."""

    @property
    def hold_steps(self) -> int:
        """Control steps that the reward must stay at 1 before the goal is complete."""
        ...

    def reward(self, blocks: Blocks, target: Sequence[float]) -> float:
        """How well it is done, 0..1, given block centres and the set point in metres."""
        ...

    def witness(self, blocks: Blocks) -> None:
        """Be shown a board that really came to be: goals that are done step by step keep count."""
        ...


@dataclass(frozen=True)
class LongGoal:
    """A long-horizon task."""

    task: LongTask
    names: tuple[str, ...]
    """The blocks that were there when it was asked: one that is lost leaves it undone for good."""
    hold_steps: int = HOLD_STEPS
    relative: bool = False
    heard: str = field(default="", compare=False)

    @property
    def text(self) -> str:
        return self.task.instruction

    @property
    def name(self) -> str:
        return self.text

    def reward(self, blocks: Blocks, target: Sequence[float]) -> float:
        return self.task.reward(blocks, self.names)

    def witness(self, blocks: Blocks) -> None:
        """Nothing: it is done in one step."""


@dataclass(frozen=True)
class PushGoal:
    """One push, its numbers fixed by the board at the start."""

    instruction: Instruction
    task: Mapping[str, object]
    hold_steps: int = 1
    relative: bool = True
    heard: str = field(default="", compare=False)

    @property
    def text(self) -> str:
        return canonical(self.instruction)

    @property
    def name(self) -> str:
        return self.instruction.family

    def reward(self, blocks: Blocks, target: Sequence[float]) -> float:
        if not set(self.instruction.blocks()) <= set(blocks):
            return 0.0
        return float(succeeded(self.instruction.family, self.task, blocks, target))

    def witness(self, blocks: Blocks) -> None:
        """Nothing: it is done in one step."""


def long_task(text: str) -> LongTask | None:
    """The long task that a text names, whatever its case and spacing, or None."""
    if len(text) > MAX_CHARACTERS:
        return None
    return BY_INSTRUCTION.get(" ".join(text.lower().split()).removesuffix(".").rstrip())


def understand(text: str, blocks: Blocks, names: Collection[str] = ()) -> BoardGoal:
    """The goal that an instruction sets on a board: a long task or one push in its own words, either of them
    in looser ones, or a program of relations.

    names: blocks that a long goal is about beside those on the board, such as lost ones.

    Raises UnknownInstruction, with suggestions where there are any, for what is not understood and for blocks
    that are not on the board; AmbiguousInstruction for what has several meanings; ImpossibleInstruction for
    what contradicts itself or does not fit on the board.
    """
    from tasks.tabletop.understanding.suggestions import with_suggestions

    with with_suggestions(text, blocks, lambda offer: _understood(offer, blocks, names)):
        return _understood(text, blocks, names)


def _understood(text: str, blocks: Blocks, names: Collection[str]) -> BoardGoal:
    """The same without suggestions."""
    task = long_task(text)
    if task is not None:
        return LongGoal(task, tuple(sorted({*blocks, *names})))
    instruction = None
    with suppress(UnknownInstruction):
        instruction = parse(text, sorted(blocks))
    return _loose(text, blocks, names) if instruction is None else _push(instruction, blocks)


def _push(instruction: Instruction, blocks: Blocks, heard: str = "") -> PushGoal:
    try:
        return PushGoal(instruction, fixed_fields(instruction, blocks), heard=heard)
    except ValueError as error:
        raise UnknownInstruction(str(error)) from None


def _loose(text: str, blocks: Blocks, names: Collection[str]) -> BoardGoal:
    """The goal of an instruction in an operator's own words."""
    from tasks.tabletop.understanding.pushes import long_words, push_words
    from tasks.tabletop.understanding.readings import readings
    from tasks.tabletop.understanding.spelling import spelled

    said, everything = spelled(text), tuple(sorted({*blocks, *names}))
    if long := long_words(said.plain):
        return LongGoal(BY_INSTRUCTION[long], everything, heard=said.heard)
    if pushes := push_words(said.plain, sorted(blocks)):
        if len(pushes) > 1:
            raise AmbiguousInstruction(text, pushes)
        return _push(parse(pushes[0], sorted(blocks)), blocks, said.heard)
    found = readings(said, blocks)
    if not found:
        raise UnknownInstruction(f"expected an instruction that I know, got {shown(text)}")
    if len(found) > 1:
        raise AmbiguousInstruction(text, [reading.words for reading in found])
    return goal_of_steps(found[0].steps, blocks, everything, heard=said.heard, said=text)


def goal_of_steps(
    steps: Sequence[Step], blocks: Blocks, names: tuple[str, ...], *, heard: str, said: str
) -> BoardGoal:
    """The goal that the relations of one step or several set on a board: a program, or the long task that it
    is. said: the instruction that they come of. Raises UnknownInstruction where nothing is to be done, and
    ImpossibleInstruction for what can't come true."""
    relations = [relation for step in steps for relation in step]
    if all(isinstance(relation, NotMoved) for relation in relations):
        raise UnknownInstruction(
            f"expected something to do, got only what is not to be done, in {shown(said)}; give that as a "
            f'standing rule, such as "never move {listed(relations[0].names)}"'
        )
    program = composed(steps, blocks)
    if task := long_of(program, names):
        return LongGoal(task, names, heard=heard)
    if why := why_not(program, blocks):
        raise ImpossibleInstruction(why)
    return ProgramGoal(program, names, heard)
