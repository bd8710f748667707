"""Relations as a written program has them: one model each, by which their JSON schema is made."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tasks.tabletop.goals.area import SortToCorners
from tasks.tabletop.goals.group import GroupBy
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
    Swapped,
    Together,
)
from tasks.tabletop.goals.relations.base import listed
from tasks.tabletop.written.sets import Blocks, Strict, Table, Unsound, Word, Words, each

Area = Literal[
    "left", "right", "top", "bottom", "top_left", "top_right", "bottom_left", "bottom_right", "center"
]
Centimetres = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Pair = Annotated[list[Word], Field(min_length=2, max_length=2)]


class In(Strict):
    """Every one of the blocks is in that half, quarter or the middle of the board."""

    relation: Literal["in_area"]
    blocks: Blocks
    area: Area

    def of(self, table: Table) -> Relation:
        return each(table.who(self.blocks), lambda names, said: InArea(names, self.area, said))


class Clear(Strict):
    """No block is in that area."""

    relation: Literal["area_clear"]
    area: Area

    def of(self, table: Table) -> Relation:
        return AreaClear(table.everyone, self.area)


class At(Strict):
    """One block is at a place, in centimetres: x from 12 at the top to 58 at the bottom, y from -30 at the
    left to 30 at the right, the middle of the board at x 35, y 0. Figures are drawn with these, their
    places 6 cm from each other at least, and 5 cm from the edges."""

    relation: Literal["at_place"]
    block: Word
    x: Centimetres
    y: Centimetres
    within: Annotated[float, Field(ge=1, le=20, allow_inf_nan=False)] = 2.0

    def of(self, table: Table) -> Relation:
        return AtPlace(table.one(self.block), self.x / 100, self.y / 100, self.within / 100)


class Beside(Strict):
    """Each of the blocks is less than 8 cm from one of the others."""

    relation: Literal["near"]
    blocks: Blocks
    others: Blocks

    def of(self, table: Table) -> Relation:
        who, others = table.who(self.blocks), table.who(self.others)
        _different(who.names, others.names)
        said = others.said if len(others.names) == 1 else f"one of {listed(others.names)}"
        return each(who, lambda names, mine: Near(names, others.names, mine, said))


class Gathered(Strict):
    """The blocks stand together, joined by gaps below 8 cm."""

    relation: Literal["together"]
    blocks: Blocks

    def of(self, table: Table) -> Relation:
        return each(table.who(self.blocks), lambda names, said: Together(_several(names), said))


class Spread(Strict):
    """The blocks are at least 10 cm from each other, or from the others where some are named."""

    relation: Literal["apart"]
    blocks: Blocks
    others: Blocks | None = None

    def of(self, table: Table) -> Relation:
        who = table.who(self.blocks)
        if self.others is None:
            return each(who, lambda names, said: Apart(_several(names), (), said))
        others = table.whole(self.others)
        _different(who.names, others.names)
        return each(who, lambda names, said: Apart(names, others.names, said, others.said))


class ToSide(Strict):
    """Every one of the blocks is left of, right of, above (up) or below (down) every one of the others."""

    relation: Literal["side"]
    blocks: Blocks
    direction: Literal["left", "right", "up", "down"]
    others: Blocks

    def of(self, table: Table) -> Relation:
        who, others = table.who(self.blocks), table.whole(self.others)
        _different(who.names, others.names)
        return each(who, lambda n, said: Side(n, self.direction, others.names, said, others.said))


class InBetween(Strict):
    """The blocks are between two others."""

    relation: Literal["between"]
    blocks: Blocks
    ends: Pair

    def of(self, table: Table) -> Relation:
        who, (one, other) = table.who(self.blocks), table.ordered(self.ends)
        _different((one,), (other,))
        _different(who.names, (one, other))
        pair = (one, other)
        return each(who, lambda names, said: Between(names, pair, said, listed(pair)))


class OnLine(Strict):
    """The blocks are on one straight line; "middle": through the middle of the board."""

    relation: Literal["line"]
    blocks: Blocks
    direction: Literal["horizontal", "vertical", "diagonal", "any"] = "any"
    where: Literal["any", "middle", "left", "right", "top", "bottom"] = "any"

    def of(self, table: Table) -> Relation:
        who = table.who(self.blocks)
        return each(who, lambda names, said: Line(names, self.direction, self.where, said))


class InRow(Strict):
    """Single blocks in a row in this order, from left to right or from top to bottom."""

    relation: Literal["row"]
    order: Annotated[Words, Field(min_length=2)]
    along: Literal["left_to_right", "top_to_bottom"] = "left_to_right"

    def of(self, table: Table) -> Relation:
        return Row(table.ordered(self.order), self.along)


class OnCircle(Strict):
    """Three blocks or more evenly on a circle; `around`: a block in its middle; `across`: its size in cm."""

    relation: Literal["circle"]
    blocks: Blocks
    around: Word | None = None
    across: Annotated[float, Field(ge=10, le=60, allow_inf_nan=False)] | None = None

    def of(self, table: Table) -> Relation:
        middle = "" if self.around is None else table.one(self.around)
        size = (self.across or 0.0) / 100
        return each(table.who(self.blocks), lambda names, said: Circle(names, middle, size, said))


class OnCorners(Strict):
    """Three blocks on the corners of a triangle, or four on those of a square."""

    relation: Literal["corners"]
    blocks: Blocks
    figure: Literal["triangle", "square"]

    def of(self, table: Table) -> Relation:
        return each(table.who(self.blocks), lambda names, said: Corners(names, self.figure, said))


class Exchanged(Strict):
    """Each of two blocks is where the other is now."""

    relation: Literal["swapped"]
    pair: Pair

    def of(self, table: Table) -> Relation:
        one, other = table.ordered(self.pair)
        return Swapped((one, other), (table.stood(one), table.stood(other)))


class Unmoved(Strict):
    """The blocks stay where they are now."""

    relation: Literal["not_moved"]
    blocks: Blocks

    def of(self, table: Table) -> Relation:
        who = table.whole(self.blocks)
        return NotMoved(who.names, tuple(table.stood(name) for name in who.names), who.said)


class Sorted(Strict):
    """All blocks, grouped by colour or shape, or each colour in a corner of its own."""

    relation: Literal["sorted"]
    by: Literal["color", "shape", "color_into_corners"]

    def of(self, table: Table) -> Relation:
        task = SortToCorners() if self.by == "color_into_corners" else GroupBy(self.by)
        return Long(task, table.everyone)


AnyRelation = Annotated[
    In | Clear | At | Beside | Gathered | Spread | ToSide | InBetween | OnLine | InRow | OnCircle | OnCorners
    | Exchanged | Unmoved | Sorted,
    Field(discriminator="relation"),
]  # fmt: skip


def _different(names: tuple[str, ...], others: tuple[str, ...]) -> None:
    """Raises Unsound where a block is on both sides."""
    if both := [name for name in names if name in others]:
        raise Unsound(f"expected different blocks, got {listed(both)} on both sides")


def _several(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) < 2:
        raise Unsound(f"expected two blocks or more, got {listed(names)}")
    return names
