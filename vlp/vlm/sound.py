"""What a proposed subgoal must be: one push in words that are understood, of blocks on the table."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.board import words_of
from tasks.grammar import UnknownInstruction, canonical, parse
from tasks.instruction import GROUP


class UnsoundSubgoal(ValueError):
    """A subgoal that can't be carried out; says why."""


def sound(text: str, kinds: Sequence[str]) -> str:
    """The canonical form of a subgoal about blocks that are there, of `kinds`.

    Raises UnsoundSubgoal for words that are not understood, blocks that are not on the table, and one block
    that is to go to itself.
    """
    try:
        instruction = parse(text, kinds)
    except UnknownInstruction as error:
        raise UnsoundSubgoal(str(error)) from error
    named = instruction.blocks()
    if not set(named) <= set(kinds):
        raise UnsoundSubgoal(f"expected blocks on the table, got {', '.join(map(words_of, named))}")
    if instruction.fields.get("avoid_blocks", ()) != GROUP and len(set(named)) < len(named):
        raise UnsoundSubgoal("it names one block twice")
    return canonical(instruction)
