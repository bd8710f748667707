"""Instruction check: is it understood? Asked before anything heavy is loaded or written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vlp.errors import InstructionError, UnknownWordsError

if TYPE_CHECKING:
    from tasks.tabletop.rules import BoardRules


def check_instruction(text: str, *, seed: int, rules: Sequence[str] = ()) -> None:
    """Raises InstructionError, whose one line lists what can be asked, for a text that the board of this
    seed gives no meaning: unknown words, tasks or blocks (UnknownWordsError: a VLM may know them), nothing at
    all; and for such a rule."""
    import numpy as np

    from tasks.domain import AmbiguousInstruction, ImpossibleInstruction, UnknownInstruction, readings_of
    from tasks.tabletop.goals.goal import understand
    from tasks.tabletop.language.read import MAX_CHARACTERS
    from tasks.tabletop.world.layout import random_layout
    from vlp.domains.tabletop.known import known, not_understood, one_line

    blocks, _ = random_layout(np.random.default_rng(seed))
    if not text.strip():
        got = "blanks" if text else "nothing"
        raise InstructionError(f"instruction: expected words, got {got}; known tasks: {known(blocks)}")
    try:
        understand(text, {name: np.array(pose[:2]) for name, pose in blocks.items()})
    except AmbiguousInstruction as error:
        raise InstructionError(not_understood(error, blocks), readings_of(error)) from None
    except UnknownInstruction as error:
        kind = UnknownWordsError if len(text) <= MAX_CHARACTERS else InstructionError
        raise kind(not_understood(error, blocks)) from None
    except ImpossibleInstruction as error:
        raise InstructionError(f"instruction: {one_line(str(error))}") from None
    read(rules, sorted(blocks))


def check_rules(rules: Sequence[str], *, seed: int) -> None:
    """Raises InstructionError for a standing rule that the board of this seed gives no meaning."""
    import numpy as np

    from tasks.tabletop.world.layout import random_layout

    read(rules, sorted(random_layout(np.random.default_rng(seed))[0]))


def read(rules: Sequence[str], blocks: Sequence[str]) -> BoardRules:
    """Standing rules for a table with these blocks. Raises InstructionError."""
    from tasks.tabletop.rules import UnknownRule, read_rules
    from vlp.domains.tabletop.known import one_line

    try:
        return read_rules(rules, blocks)
    except UnknownRule as error:
        raise InstructionError(f"rule: {one_line(str(error))}") from None


def check_subgoal(words: str) -> None:
    """Raises UnknownInstruction for words that are not one push."""
    from tasks.domain import UnknownInstruction
    from tasks.tabletop.language import parse
    from vlp.domains.tabletop.known import PUSHES

    try:
        parse(words)
    except UnknownInstruction as error:
        raise UnknownInstruction(f"{error}; say one push, such as {'; '.join(PUSHES)}") from error
