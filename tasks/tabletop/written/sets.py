"""Sets of blocks as a written program names them: by kind, colour, shape, or all; but some; any so many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tasks.tabletop.goals.relations import Relation, SomeOf
from tasks.tabletop.goals.relations.base import listed
from tasks.tabletop.goals.relations.some_of import MOST
from tasks.tabletop.understanding.who import Who, of_names
from tasks.tabletop.world.board import COLORS, KINDS, SHAPES, color_of, shape_of, words_of

ALL: Final = "all"
WORDS: Final = (ALL, *COLORS, *SHAPES, *KINDS)
"""By which blocks are named."""
LARGEST: Final = len(KINDS)


class Unsound(ValueError):
    """A written program that is none on this table; says why, in one line."""


class Strict(BaseModel):
    """What stands beside the fields is refused: an exception that nobody reads would turn the meaning."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _known(word: str) -> str:
    plain = "_".join(word.lower().split())
    if plain not in WORDS:
        raise ValueError(f"expected a colour, a shape, a block or {ALL!r}, got {word!r:.40}")
    return plain


Word = Annotated[
    str, Field(max_length=40), AfterValidator(_known), Field(json_schema_extra={"enum": list(WORDS)})
]
Words = Annotated[list[Word], Field(min_length=1, max_length=LARGEST)]


class Blocks(Strict):
    """Blocks of the table: all that any word of `of` names, without those of `but`; `count`: any so many."""

    of: Words
    but: Annotated[list[Word], Field(max_length=LARGEST)] = []
    count: Annotated[int, Field(ge=1, le=LARGEST)] | None = None


@dataclass(frozen=True)
class Table:
    """The blocks that are there, centres [2] in metres."""

    blocks: Mapping[str, NDArray[np.float64]]

    @property
    def everyone(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(sorted(self.blocks))

    def stood(self, name: str) -> tuple[float, float]:
        """Where one is, metres."""
        x, y = self.blocks[name]
        return float(x), float(y)

    def one(self, word: str) -> str:
        """The block that a word names. Raises Unsound for none and for several."""
        found = self._named(word)
        if len(found) != 1:
            raise Unsound(f"expected one block, got {words_of(word)}: {', '.join(map(words_of, found))}")
        return found[0]

    def ordered(self, words: Sequence[str]) -> tuple[str, ...]:
        """Single blocks in the order of their words. Raises Unsound."""
        return tuple(self.one(word) for word in words)

    def who(self, blocks: Blocks) -> Who:
        """A set, with what it is called. Raises Unsound for one that is empty or names what is not there."""
        names = {name for word in blocks.of for name in self._named(word)}
        spared = {name for word in blocks.but for name in self._named(word)}
        said = _said(blocks.of)
        if spared:
            said += f" but {_said(blocks.but)}"
        if not (left := names - spared):
            raise Unsound(f"expected blocks, got {said}: none is left")
        if blocks.count is None or blocks.count == len(left):
            return of_names(left, said)
        if blocks.count > len(left):
            raise Unsound(f"expected up to {len(left)} blocks of {said}, got {blocks.count}")
        every = of_names(left)
        count = "one" if blocks.count == 1 else blocks.count
        return Who(every.names, f"{count} of these: {every.said}", blocks.count)

    def whole(self, blocks: Blocks) -> Who:
        """A set that must be all of it. Raises Unsound."""
        if (found := self.who(blocks)).count is not None:
            raise Unsound(f"expected which blocks, got {found.said}")
        return found

    def _named(self, word: str) -> list[str]:
        found = [n for n in self.everyone if word in (ALL, n, color_of(n), shape_of(n))]
        if not found:
            table = ", ".join(map(words_of, self.everyone)) or "no block"
            raise Unsound(f"expected blocks on the table, got {words_of(word)}, but it holds {table}")
        return found


def each(who: Who, make: Callable[[tuple[str, ...], str], Relation]) -> Relation:
    """A relation of a set, or of any so many of it. Raises Unsound where those are too many ways."""
    if who.count is None:
        return make(who.names, who.said)
    if comb(len(who.names), who.count) > MOST:
        raise Unsound(f"expected fewer blocks to choose from, got {who.said}")
    return SomeOf(tuple(make(names, who.said) for names in combinations(who.names, who.count)))


def _said(words: Sequence[str]) -> str:
    """A set in words: "every red or blue block", "every star and the red moon"."""
    distinct = list(dict.fromkeys(words))
    if all(word in KINDS for word in distinct):
        return listed(distinct)
    if all(word in COLORS for word in distinct):
        return f"every {' or '.join(sorted(distinct, key=COLORS.index))} block"
    return " and ".join(map(_one_said, distinct))


def _one_said(word: str) -> str:
    if word == ALL:
        return "every block"
    if word in KINDS:
        return f"the {words_of(word)}"
    return f"every {word} block" if word in COLORS else f"every {word}"
