"""Readings: every meaning that a sentence has on a table, and its refusal where it has none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from lark import Tree
from numpy.typing import NDArray

from tasks.domain import UnknownInstruction
from tasks.tabletop.goals.program import Step
from tasks.tabletop.understanding.clauses import Clauses
from tasks.tabletop.understanding.spelling import Spelled
from tasks.tabletop.understanding.trees import trees
from tasks.tabletop.understanding.who import Node
from tasks.tabletop.world.board import words_of

Blocks = Mapping[str, NDArray[np.float64]]
Span = tuple[int, int]
_SAID: Final = {
    "V": "put", "P": "in", "unmove": "do not move", "still": "where it is", "lineup": "line up",
    "others": "the others", "none": "nothing", "by_color_in": "by color into the",
}  # fmt: skip
MOST: Final = 8
"""Readings beyond which a sentence is not asked about but refused."""


@dataclass(frozen=True)
class Reading:
    """One meaning of a sentence."""

    steps: tuple[Step, ...]
    words: str
    """The sentence with each block named in full that could be another."""


class _Script:
    """Answers which block is meant: as it was told, and from there on the first; notes what was asked."""

    def __init__(self, told: Mapping[Span, str]) -> None:
        self.told = dict(told)
        self.open: list[tuple[Span, Sequence[str]]] = []

    def __call__(self, span: Span, meant: Sequence[str]) -> str:
        if span not in self.told:
            self.told[span] = meant[0]
            self.open.append((span, meant))
        return self.told[span]


def readings(said: Spelled, blocks: Blocks) -> list[Reading]:
    """The distinct meanings of a sentence on a board, none where it is not in the grammar. Raises
    UnknownInstruction, with the reason, where every way to read it makes no sense there, or too many do.

    Of trees that make sense those count that have the fewest clauses: "the blue and red blocks" are one set,
    and not all that is blue in one clause and the red blocks in the next.
    """
    found: list[Reading] = []
    clauses = 0
    refused: list[UnknownInstruction] = []
    for tree in sorted(trees(said.words), key=_clauses):
        if found and _clauses(tree) > clauses:
            break
        clauses = _clauses(tree)
        try:
            for reading in _of_tree(tree, said, blocks):
                if all(reading.steps != other.steps for other in found):
                    found.append(reading)
        except UnknownInstruction as error:
            refused.append(error)
    if refused and not found:
        raise refused[0]
    return found


def _clauses(tree: Node) -> int:
    return sum(len(step.children) for step in tree.children if isinstance(step, Tree))


def _of_tree(tree: Node, said: Spelled, blocks: Blocks) -> list[Reading]:
    pending: list[dict[Span, str]] = [{}]
    found: list[Reading] = []
    while pending:
        script = _Script(pending.pop())
        begun = dict(script.told)
        steps = Clauses(blocks, script).steps(tree)
        found.append(Reading(tuple(steps), _named(said.words, script.told)))
        for number, (span, meant) in enumerate(script.open):
            before = {s: script.told[s] for s, _ in script.open[:number]}
            pending += [{**begun, **before, span: other} for other in meant[1:]]
        if len(found) + len(pending) > MOST:
            raise UnknownInstruction(
                f"expected names that are unique on the table, got more than {MOST} readings; "
                "name blocks by colour and shape"
            )
    return found


def _named(words: Sequence[str], told: Mapping[Span, str]) -> str:
    """The sentence in plain words, with the blocks that were chosen named in full."""
    kept = list(map(_again, words))
    for (first, last), name in told.items():
        kept[first : last + 1] = [f"the {words_of(name)}", *[""] * (last - first)]
    return re.sub(r" ([,;:])", r"\1", " ".join(word for word in kept if word))


def _again(word: str) -> str:
    """A word of the grammar as people say it."""
    kind, *numbers = word.split(":")
    match kind:
        case "at" if numbers:
            return f"at x {numbers[0]} y {numbers[1]}"
        case "tol" if numbers:
            return f"within {100 * float(numbers[0]):g} cm"
        case "len" if numbers:
            return f"{100 * float(numbers[0]):g} cm"
    if word in ("left_to_right", "right_to_left", "top_to_bottom", "bottom_to_top"):
        return "from " + word.replace("_", " ")
    corner = " corner" if word.startswith(("top_", "bottom_")) and not word.endswith("_half") else ""
    return _SAID.get(word, word.replace("_ly", "ly").replace("_", " ") + corner)
