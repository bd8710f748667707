"""Who: sets of blocks on a table, as a sentence names them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from lark import Token, Tree

from tasks.domain import UnknownInstruction
from tasks.tabletop.goals.relations.base import listed
from tasks.tabletop.world.board import COLORS, SHAPES, color_of, shape_of, words_of

Node = Tree[Token]
Choose = Callable[[tuple[int, int], Sequence[str]], str]
"""The block that a name means, of several that it can mean; the name's first and last word, from 0."""


@dataclass(frozen=True)
class Who:
    """Blocks that are spoken of."""

    names: tuple[str, ...]
    said: str
    """Such as "every star"."""
    count: int | None = None
    """Any so many of them; None: all."""


def of_names(names: Collection[str], said: str = "", count: int | None = None) -> Who:
    """A set of blocks; said by their names where they are one or nothing else is."""
    ordered = tuple(sorted(names))
    return Who(ordered, said if said and len(ordered) > 1 else listed(ordered), count)


class Sets:
    """Finds the blocks of a table that a sentence's nouns name. Raises UnknownInstruction for those that
    name none.

    Args:
        table: the blocks that are there.
        choose: which block one is that can be several.
    """

    def __init__(self, table: Sequence[str], choose: Choose) -> None:
        self._table, self._choose = sorted(table), choose
        self.mentioned: set[str] = set()
        """All blocks that the sentence names, but as "the others"."""
        self.subject: Who | None = None
        """Of the clause before."""
        self.single: tuple[str, ...] = ()
        """Blocks that the clause before names one by one."""
        self._singles: list[str] = []
        self._within: set[str] = set()
        self.spared: set[str] = set()
        """Blocks that are said not to be moved: "all" does not mean these."""

    def next_clause(self, subject: Who | None) -> None:
        """What pronouns mean from here on."""
        self.subject = subject or self.subject
        self.single, self._singles = tuple(dict.fromkeys(self._singles)) or self.single, []

    def everyone(self) -> Who:
        """All blocks."""
        return of_names(self._table, "every block")

    def who(self, node: Node) -> Who:
        """The blocks that a tree of the grammar's `set`, or a part of one, names."""
        found: Who = getattr(self, f"_{node.data}")(node)
        return found

    def _set(self, node: Node) -> Who:
        return self.who(_child(node))

    def _nouns(self, node: Node) -> Who:
        inner = [child for child in node.children if isinstance(child, Tree)]
        if len(inner) > 1 and any(child.data == "some_of" for child in inner):
            raise UnknownInstruction("expected so many of one set of blocks, got others beside it; name them")
        return _joined([self.who(child) for child in inner])

    def _but(self, node: Node) -> Who:
        base, minus = (child for child in node.children if isinstance(child, Tree))
        return self.all_but(base, minus)

    def all_but(self, base: Node, minus: Node) -> Who:
        """A set but for some of it; a name that can be several blocks means one of that set."""
        first = self.who(base)
        self._within = set(first.names)
        try:
            return self.without(first, self.who(minus))
        finally:
            self._within = set()

    def without(self, base: Who, minus: Who) -> Who:
        """A set but for some of it."""
        if base.count is not None or minus.count is not None:
            raise UnknownInstruction(f'expected which blocks, got "{base.said} but {minus.said}"; name them')
        left = [name for name in base.names if name not in minus.names]
        if len(left) == len(base.names):
            raise UnknownInstruction(
                f"expected an exception among {base.said}, got {minus.said}; name others"
            )
        if not left:
            raise UnknownInstruction(f"expected blocks, got {base.said} but {minus.said}: none is left")
        return of_names(left, f"{base.said} but {minus.said}")

    def _colors_alone(self, node: Node) -> Who:
        return self._all([str(token) for token in _tokens(node)], None)

    def _reds(self, node: Node) -> Who:
        return self._all([str(_tokens(node)[0]).removesuffix("s")], None)

    def _one_noun(self, node: Node) -> Who:
        colors, shape = _described(node)
        meant = self._meant(colors, shape)
        meant = [name for name in meant if name in self._within] or meant
        if len(colors) > 1:
            raise UnknownInstruction(
                f"expected one block, got {_said(colors, shape, 1)}; name it, or several"
            )
        spans = [token.start_pos for token in node.scan_values(lambda value: isinstance(value, Token))]
        numbers = [number for number in spans if number is not None]
        last = max(numbers) + (1 if shape is None else 0)
        name = meant[0] if len(meant) == 1 else self._choose((min(numbers), last), meant)
        self.mentioned.add(name)
        self._singles.append(name)
        return of_names((name,))

    def _many(self, node: Node) -> Who:
        return self._all(*_described(node))

    def _everything(self, node: Node) -> Who:
        return self._all([str(token) for token in _tokens(node)], None)

    def _all(self, colors: Sequence[str], shape: str | None) -> Who:
        meant = self._meant(colors, shape)
        if colors or shape:
            self.mentioned |= set(meant)
        said = f"every {_said(colors, shape, 1)}"
        left = [name for name in meant if name not in self.spared]
        if left and len(left) < len(meant):
            spared = listed([name for name in meant if name in self.spared])
            return of_names(left, f"{said} but {spared}")
        return of_names(meant, said)

    def _meant(self, colors: Sequence[str], shape: str | None) -> list[str]:
        """The table's blocks that are so."""
        for color in colors or (None,):
            if not [n for n in self._table if color in (None, color_of(n)) and shape in (None, shape_of(n))]:
                got = _said([color] if color else [], shape, 2)
                table = ", ".join(map(words_of, self._table)) or "no block"
                raise UnknownInstruction(f"expected blocks on the table, got {got}, but it holds {table}")
        return [n for n in self._table
                if (not colors or color_of(n) in colors) and shape in (None, shape_of(n))]  # fmt: skip

    def _others(self, node: Node) -> Who:
        left = [name for name in self._table if name not in self.mentioned]
        if not left or not self.mentioned:
            raise UnknownInstruction(
                "expected others than the blocks that are named, "
                f"got {'none: all are named' if self.mentioned else 'no name'}; say which"
            )
        return of_names(left, "every other block")

    def _pronoun(self, node: Node) -> Who:
        if str(_tokens(node)[0]) == "them":
            return self.subject or self.everyone()
        if not self.single:
            raise UnknownInstruction('expected one block that "it" means, got none named before it; name it')
        number = _tokens(node)[0].start_pos or 0
        name = self.single[0] if len(self.single) == 1 else self._choose((number, number), self.single)
        return of_names((name,))

    def _some_of(self, node: Node) -> Who:
        return self._counted(node)

    def _counted(self, node: Node) -> Who:
        count = int(_tokens(node)[0])
        inner = [child for child in node.children if isinstance(child, Tree)]
        base = self._among(inner[0]) if inner else self.everyone()
        if base.count is not None or not 0 < count <= len(base.names):
            raise UnknownInstruction(
                f"expected as many blocks as there are, got {count} of {base.said}: the table holds "
                f"{len(base.names)}"
            )
        if count == len(base.names):
            return base
        return Who(base.names, f"{'one' if count == 1 else count} of these: {listed(base.names)}", count)

    def _among(self, node: Node) -> Who:
        """A noun after a number: "a star" is any."""
        if node.data != "one_noun":
            return self.who(node)
        return self._all(*_described(node))

    def _both(self, node: Node) -> Who:
        found = self.who(_child(node))
        if len(found.names) != 2 or found.count is not None:
            raise UnknownInstruction(
                f'expected two blocks after "both", got {len(found.names)}: {found.said}'
            )
        return found


def _joined(parts: Sequence[Who]) -> Who:
    """Sets together."""
    if len(parts) == 1:
        return parts[0]
    if any(part.count is not None for part in parts):
        raise UnknownInstruction("expected one count of blocks at a time, got several; name the blocks")
    names = {name for part in parts for name in part.names}
    if all(len(part.names) == 1 for part in parts):
        return of_names(names, listed(list(dict.fromkeys(part.names[0] for part in parts))))
    return of_names(names, " and ".join(part.said for part in parts))


def _child(node: Node) -> Node:
    return next(child for child in node.children if isinstance(child, Tree))


def _tokens(node: Node) -> list[Token]:
    return [child for child in node.children if isinstance(child, Token)]


def _described(node: Node) -> tuple[list[str], str | None]:
    """Colours and shape of a noun."""
    colors = [str(token) for child in node.children if isinstance(child, Tree) for token in _tokens(child)]
    shapes = [str(token).removesuffix("s") for token in _tokens(node) if token.type in ("SHAPE", "SHAPES")]
    return sorted(colors, key=COLORS.index), shapes[0] if shapes else None


def _said(colors: Sequence[str], shape: str | None, count: int) -> str:
    """ "red or blue block"."""
    assert shape is None or shape in SHAPES
    noun = (shape or "block") + ("s" if count > 1 else "")
    return " ".join(part for part in (" or ".join(colors), noun) if part)
