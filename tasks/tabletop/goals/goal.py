"""Goal of an instruction, long or single: how well it is done, and whether it is known at all."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.domain import Goal
from tasks.tabletop.goals import BY_INSTRUCTION, LongTask
from tasks.tabletop.goals.push import fixed_fields, succeeded
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


@dataclass(frozen=True)
class LongGoal:
    """A long-horizon task."""

    task: LongTask
    names: tuple[str, ...]
    """The blocks that were there when it was asked: one that is lost leaves it undone for good."""
    hold_steps: int = HOLD_STEPS
    relative: bool = False

    @property
    def text(self) -> str:
        return self.task.instruction

    @property
    def name(self) -> str:
        return self.text

    def reward(self, blocks: Blocks, target: Sequence[float]) -> float:
        return self.task.reward(blocks, self.names)


@dataclass(frozen=True)
class PushGoal:
    """One push, its numbers fixed by the board at the start."""

    instruction: Instruction
    task: Mapping[str, object]
    hold_steps: int = 1
    relative: bool = True

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


def long_task(text: str) -> LongTask | None:
    """The long task that a text names, whatever its case and spacing, or None."""
    if len(text) > MAX_CHARACTERS:
        return None
    return BY_INSTRUCTION.get(" ".join(text.lower().split()).removesuffix(".").rstrip())


def understand(text: str, blocks: Blocks, names: Collection[str] = ()) -> BoardGoal:
    """The goal that an instruction sets on a board.

    names: blocks that a long task is about beside those on the board, such as lost ones.

    Raises UnknownInstruction with near misses for anything outside the grammar and the long tasks, and
    for blocks that are not on the board.
    """
    task = long_task(text)
    if task is not None:
        return LongGoal(task, tuple(sorted({*blocks, *names})))
    try:
        instruction = parse(text, sorted(blocks))
    except UnknownInstruction:
        near = difflib.get_close_matches(
            " ".join(text[:200].lower().split()), BY_INSTRUCTION, n=2, cutoff=0.75
        )
        if not near:
            raise
        raise UnknownInstruction(
            f"expected an instruction that I know, got {shown(text)}; did you mean: {'; '.join(near)}?"
        ) from None
    try:
        return PushGoal(instruction, fixed_fields(instruction, blocks))
    except ValueError as error:
        raise UnknownInstruction(str(error)) from None
