"""Clauses: one tree of a sentence to the relations that it asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import comb
from typing import Final

import numpy as np
from lark import Token, Tree
from numpy.typing import NDArray

from tasks.domain import UnknownInstruction
from tasks.tabletop.goals.area import SortToCorners
from tasks.tabletop.goals.group import GroupBy
from tasks.tabletop.goals.program import Step
from tasks.tabletop.goals.relations import (
    Apart,
    AreaClear,
    AtPlace,
    Between,
    Circle,
    Corners,
    InArea,
    Line,
    Long,
    Near,
    NotMoved,
    Relation,
    Row,
    Side,
    SomeOf,
    Swapped,
    Together,
)
from tasks.tabletop.goals.relations.at_place import TOLERANCE
from tasks.tabletop.goals.relations.base import listed
from tasks.tabletop.goals.relations.corners import CORNERS
from tasks.tabletop.goals.relations.some_of import MOST
from tasks.tabletop.understanding.who import Choose, Node, Sets, Who
from tasks.tabletop.world.board import DIRECTIONS

Blocks = Mapping[str, NDArray[np.float64]]
_SIDES: Final = {"left_of": "left", "right_of": "right", "above": "up", "below": "down"}
_TURNED: Final = {"right_to_left": "left_to_right", "bottom_to_top": "top_to_bottom"}
_PARTS: Final = ("top", "bottom", "left", "right")


class Clauses:
    """Reads one tree. Raises UnknownInstruction for what makes no sense on this table.

    Args:
        blocks: centres [2] in metres of the blocks that are there.
        choose: which block a name means that can be several.
    """

    def __init__(self, blocks: Blocks, choose: Choose) -> None:
        self._blocks = blocks
        self._sets = Sets(sorted(blocks), choose)
        self._subject: Who | None = None

    def steps(self, tree: Node) -> list[Step]:
        """The relations of each step."""
        self._mention(tree)
        found = []
        for step in tree.children:
            assert isinstance(step, Tree)
            relations: list[Relation] = []
            for clause in step.children:
                assert isinstance(clause, Tree)
                relations += self._clause(clause)
            if relations:
                found.append(tuple(dict.fromkeys(relations)))
        if not found:
            raise UnknownInstruction("expected what is to be done with the blocks, got only which; say what")
        return found

    def _mention(self, tree: Node) -> None:
        """Note all names first: "the others" are others than those that come later, too, and "all" does not
        mean what is not to be moved."""
        self._note(tree)
        for clause in tree.find_data("not_moved"):
            if not any(list(clause.find_data(kind)) for kind in ("pronoun", "others")):
                self._sets.spared |= set(self._whos(clause)[0].names)
        self._sets.next_clause(None)
        self._sets.single = ()

    def _note(self, node: Node) -> None:
        """The names in a tree. What stands in an exception is one of what it is excepted from."""
        inner = [child for child in node.children if isinstance(child, Tree)]
        hangs = any(list(node.find_data(kind)) for kind in ("pronoun", "others"))
        if node.data in ("one_noun", "many", "colors_alone", "reds", "everything"):
            self._sets.who(node)
        elif node.data in ("but", "in_area_but") and not hangs:
            self._sets.all_but(
                *[child for child in inner if child.data in ("nouns", "everything", "many")][:2]
            )
        elif node.data == "but_in_area" and not hangs:
            minus, base = (child for child in inner if child.data == "nouns")
            self._sets.all_but(base, minus)
        else:
            for child in inner:
                self._note(child)

    def _clause(self, node: Node) -> list[Relation]:
        self._subject = None
        read: Callable[[Node], Relation | list[Relation] | None] = getattr(self, f"_{node.data}")
        try:
            found = read(node)
        except UnknownInstruction:
            raise
        except ValueError as error:
            raise UnknownInstruction(str(error)) from error
        self._sets.next_clause(self._subject)
        return [] if found is None else found if isinstance(found, list) else [found]

    # -- parts -------------------------------------------------------------------------------------

    def _whos(self, node: Node) -> list[Who]:
        """The sets of a clause in their order; the first is its subject."""
        kinds = ("set", "but", "nouns", "one_noun", "many", "pronoun")
        found = [self._sets.who(c) for c in node.children if isinstance(c, Tree) and c.data in kinds]
        self._subject = found[0] if found else None
        return found

    def _all_or_whos(self, node: Node) -> Who:
        found = self._whos(node)
        self._subject = found[0] if found else self._sets.everyone()
        return self._subject

    def _each(self, who: Who, make: Callable[[tuple[str, ...], str], Relation]) -> Relation:
        """A relation of a set, or of any so many of it."""
        if who.count is None:
            return make(who.names, who.said)
        if comb(len(who.names), who.count) > MOST:
            raise UnknownInstruction(f"expected fewer blocks to choose from, got {who.said}; name them")
        return SomeOf(tuple(make(names, who.said) for names in combinations(who.names, who.count)))

    @staticmethod
    def _whole(who: Who) -> Who:
        """A set that must be all of it."""
        if who.count is not None:
            raise UnknownInstruction(f"expected which blocks, got {who.said}; name them")
        return who

    def _stood(self, name: str) -> tuple[float, float]:
        x, y = self._blocks[name]
        return float(x), float(y)

    # -- clauses -----------------------------------------------------------------------------------

    def _taken(self, node: Node) -> None:
        self._whos(node)

    def _in_area(self, node: Node) -> Relation:
        area = _area(node)
        return self._each(self._whos(node)[0], lambda names, said: InArea(names, area, said))

    def _in_area_but(self, node: Node) -> Relation:
        base, minus = (c for c in node.children if isinstance(c, Tree) and c.data == "nouns")
        return self._into_but(node, base, minus)

    def _but_in_area(self, node: Node) -> Relation:
        minus, base = (c for c in node.children if isinstance(c, Tree) and c.data == "nouns")
        return self._into_but(node, base, minus)

    def _into_but(self, node: Node, base: Node, minus: Node) -> Relation:
        self._subject = self._sets.all_but(base, minus)
        return InArea(self._subject.names, _area(node), self._subject.said)

    def _near(self, node: Node) -> Relation:
        who, others = self._whos(node)
        return self._each(who, lambda n, said: Near(n, _others(n, others), said, _any(others)))

    def _together(self, node: Node) -> Relation:
        who = self._whos(node)[0]
        if len(who.names) < 2:
            raise UnknownInstruction(f"expected two blocks or more to join, got {who.said}; name more")
        return self._each(who, lambda names, said: Together(names, said))

    def _side(self, node: Node) -> Relation:
        who, others = self._whos(node)
        self._whole(others)
        way = _SIDES[_token(node, "SIDE_OF")]
        return self._each(who, lambda n, said: Side(n, way, _others(n, others), said, others.said))

    def _between(self, node: Node) -> Relation:
        who, ends = self._whos(node)
        if len(ends.names) != 2 or ends.count is not None:
            raise UnknownInstruction(f"expected two blocks to be between, got {ends.said}; name two")
        pair = (ends.names[0], ends.names[1])
        return self._each(who, lambda n, said: Between(_others(n, ends, who), pair, said, listed(pair)))

    def _apart(self, node: Node) -> Relation:
        who = self._whos(node)[0]
        if len(who.names) < 2:
            raise UnknownInstruction(f"expected two blocks or more to set apart, got {who.said}; name more")
        return self._each(who, lambda names, said: Apart(names, (), said))

    def _away(self, node: Node) -> Relation:
        who, others = self._whos(node)
        self._whole(others)
        return self._each(who, lambda n, said: Apart(n, _others(n, others), said, others.said))

    def _nothing_near(self, node: Node) -> Relation:
        target = self._whole(self._whos(node)[0])
        rest = self._sets.without(self._sets.everyone(), target)
        return Apart(rest.names, target.names, rest.said, target.said)

    def _line(self, node: Node) -> Relation:
        words = [str(t) for t in node.scan_values(lambda v: isinstance(v, Token))]
        ways = {w.removesuffix("_ly") for w in words} & {"horizontal", "vertical", "diagonal"}
        ways |= {"vertical"} if "column" in words else set()
        ways |= {"horizontal"} if "row" in words and not ways else set()
        places = {_area(mod) for mod in node.find_data("line_mod") if list(mod.find_pred(_is_area))}
        if len(ways) > 1 or len(places) > 1:
            raise UnknownInstruction(f"expected one line, got {' and '.join(sorted(ways | places))}")
        where = "middle" if places == {"center"} else next(iter(places), "any")
        if "_" in where:
            raise UnknownInstruction(f"expected a line in a half of the board, got one in the {where}")
        way = next(iter(ways), "any")
        return self._each(self._all_or_whos(node), lambda names, said: Line(names, way, where, said))

    def _row(self, node: Node) -> Relation:
        who = self._whole(self._whos(node)[0])
        order = next((str(t) for t in _own(node) if t.type == "ORDER"), "left_to_right")
        listed_one_by_one = _in_order(node, self._sets)
        if len(listed_one_by_one) != len(who.names):
            raise UnknownInstruction(f"expected blocks one by one for an order, got {who.said}; name each")
        turned = order in _TURNED
        return Row(listed_one_by_one[::-1] if turned else listed_one_by_one, _TURNED.get(order, order))

    def _circle(self, node: Node) -> Relation:
        across = _across(node)
        return self._each(self._all_or_whos(node), lambda names, said: Circle(names, "", across, said))

    def _around(self, node: Node) -> Relation:
        who, middle = self._whos(node)
        return self._ring(who, middle)

    def _surround(self, node: Node) -> Relation:
        middle, who = self._whos(node)
        self._subject = who
        return self._ring(who, middle)

    def _ring(self, who: Who, middle: Who) -> Relation:
        if len(middle.names) != 1:
            raise UnknownInstruction(f"expected one block in the middle of a circle, got {middle.said}")
        return self._each(who, lambda names, said: Circle(names, middle.names[0], 0.0, said))

    def _corners(self, node: Node) -> Relation:
        figure = _token(node, "FIGURE")
        numbers = [int(token) for token in _own(node) if token.type == "NUMBER"]
        if numbers and numbers[0] != CORNERS[figure]:
            raise UnknownInstruction(f"expected {CORNERS[figure]} corners of a {figure}, got {numbers[0]}")
        return self._each(self._whos(node)[0], lambda names, said: Corners(names, figure, said))

    def _swapped(self, node: Node) -> Relation:
        found = self._whos(node)
        names = [name for who in found for name in self._whole(who).names]
        if len(names) != 2:
            raise UnknownInstruction(f"expected two blocks to swap, got {listed(names)}; name two")
        return Swapped((names[0], names[1]), (self._stood(names[0]), self._stood(names[1])))

    def _at_place(self, node: Node) -> Relation:
        who = self._whole(self._whos(node)[0])
        _, x, y = _token(node, "AT_PLACE").split(":")
        tolerance = [float(t.split(":")[1]) for t in _own(node) if t.type == "TOLERANCE"]
        if len(who.names) != 1:
            raise UnknownInstruction(f"expected one block for a place, got {who.said}; give each its own")
        near = tolerance[0] if tolerance else TOLERANCE
        return AtPlace(who.names[0], float(x) / 100, float(y) / 100, near)

    def _offset(self, node: Node) -> list[Relation]:
        who, length = self._whole(self._whos(node)[0]), float(_token(node, "LENGTH").split(":")[1])
        way = next(child for child in node.children if isinstance(child, Tree) and _is_direction(child))
        word = str(way.children[0]) if way.children else str(way.data)
        word = {"top": "up", "bottom": "down"}.get(word, word)
        moved = f"{100 * length:g} cm {'to the ' if word in ('left', 'right') else ''}{word}"
        step = np.array(DIRECTIONS[word]) * length
        ends = {name: self._blocks[name] + step for name in who.names}
        return [AtPlace(n, float(e[0]), float(e[1]), TOLERANCE, moved) for n, e in ends.items()]

    def _not_moved(self, node: Node) -> Relation:
        spared, self._sets.spared = self._sets.spared, set()
        who = self._whole(self._whos(node)[0])
        self._sets.spared = spared
        return NotMoved(who.names, tuple(self._stood(name) for name in who.names), who.said)

    def _clear(self, node: Node) -> Relation:
        return AreaClear(tuple(sorted(self._blocks)), _area(node))

    def _group_by(self, node: Node) -> Relation:
        who = self._all_or_whos(node)
        by = next(str(t) for t in _own(node) if t.type in ("BY", "SAME")).split("_")[1]
        if set(who.names) != set(self._blocks):
            raise UnknownInstruction(f"expected all blocks for groups, got {who.said}; gather those")
        return Long(GroupBy(by), tuple(sorted(self._blocks)))

    def _corners_by_color(self, node: Node) -> Relation:
        who = self._all_or_whos(node)
        if set(who.names) != set(self._blocks):
            raise UnknownInstruction(f"expected all blocks to be sorted, got {who.said}; say where each goes")
        return Long(SortToCorners(), tuple(sorted(self._blocks)))


def _own(node: Node) -> list[Token]:
    return [child for child in node.children if isinstance(child, Token)]


def _token(node: Node, kind: str) -> str:
    return next(str(token) for token in _own(node) if token.type == kind)


def _is_area(node: Node) -> bool:
    return node.data in ("area", "area_up", "area_down")


def _is_direction(node: Node) -> bool:
    return node.data in ("direction", "up", "down")


def _area(node: Node) -> str:
    """The area of a clause."""
    found = next(iter(node.find_pred(_is_area)))
    if found.children:
        return str(found.children[0]).removesuffix("_half")
    return "top" if found.data == "area_up" else "bottom"


def _across(node: Node) -> float:
    """The size of a circle in metres, 0 where none is said."""
    for size in node.find_pred(lambda n: n.data in ("size", "radius")):
        length = float(_token(size, "LENGTH").split(":")[1])
        return 2 * length if size.data == "radius" else length
    return 0.0


def _any(others: Who) -> str:
    """A set as the object of "near": one of it is enough."""
    return others.said if len(others.names) == 1 else f"one of {listed(others.names)}"


def _others(names: Sequence[str], others: Who, who: Who | None = None) -> tuple[str, ...]:
    """The object of a relation, which may not be the subject too. Raises UnknownInstruction where it is."""
    if both := [name for name in names if name in others.names]:
        raise UnknownInstruction(f"expected different blocks, got {listed(both)} on both sides; name others")
    return tuple(names) if who is not None else others.names


def _in_order(node: Node, sets: Sets) -> tuple[str, ...]:
    """The blocks of a clause in the order in which they are named, those named one by one."""
    inner = next(child for child in node.children if isinstance(child, Tree) and child.data in ("set", "but"))
    nouns = next(inner.find_data("nouns"), None)
    parts = [child for child in nouns.children if isinstance(child, Tree)] if nouns is not None else []
    found = [sets.who(part) for part in parts]
    return tuple(who.names[0] for who in found if len(who.names) == 1 and who.count is None)
