"""Instruction for one push: a task family and the fields that name its blocks and places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tasks.tabletop.world.board import ABSOLUTE_LOCATIONS, BOARD_X, BOARD_Y, DIRECTIONS, KINDS

GROUP: Final = ("group",)
"""`avoid_blocks` of "separate ... from the group": the blocks are chosen by the layout at reset."""

AREAS: Final = ("top_left", "top_right", "bottom_left", "bottom_right", "left", "right", "top", "bottom")
LINES: Final = ("vertical", "horizontal")

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "block2block": ("start_block", "target_block"),
    "block2absolutelocation": ("block", "location"),
    "block2relativelocation": ("block", "direction", "distance_mode"),
    "block2block_relative_location": ("block", "target_block", "direction"),
    "separate_blocks": ("block", "avoid_blocks"),
    "point2block": ("block",),
    "block1_to_corner": ("block", "location"),
    "block2area": ("block", "area"),
    "block2line": ("block", "line"),
    "block_off_center": ("block",),
    "block2spot": ("block", "spot"),
}
"""The fields of each family; the first seven families are the reference's, the last four our own."""

BLOCK_FIELDS: Final = ("start_block", "block", "target_block", "avoid_blocks")
"""The fields that name blocks, in the order in which a sentence names them."""

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "location": tuple(ABSOLUTE_LOCATIONS),
    "direction": tuple(DIRECTIONS),
    "distance_mode": ("near", "far"),
    "area": AREAS,
    "line": LINES,
}


SPOT: Final = re.compile(r"(-?\d{1,3}(?:\.\d)?),(-?\d{1,3}(?:\.\d)?)")
"""A place on the board: "x,y" in centimetres, to a millimetre."""


def spot_of(value: str) -> tuple[float, float]:
    """A place "30.5,-12" as (x, y) in metres. Raises ValueError for else, and off the board."""
    found = SPOT.fullmatch(value)
    x, y = (float(found[1]) / 100, float(found[2]) / 100) if found else (float("inf"), 0.0)
    if not (BOARD_X[0] <= x <= BOARD_X[1] and BOARD_Y[0] <= y <= BOARD_Y[1]):
        raise ValueError(f"expected a spot x,y on the board in centimetres, got {value!r:.80}")
    return x, y


def _check(name: str, value: str | tuple[str, ...]) -> None:
    """Refuse a value that its field does not know."""
    if name == "spot" and isinstance(value, str):
        spot_of(value)
        return
    choices = _CHOICES.get(name, KINDS)
    if (name == "avoid_blocks") != isinstance(value, tuple):
        kind = "a tuple of block names" if name == "avoid_blocks" else "one name"
        raise ValueError(
            f"expected {kind} for {name}, got {value!r:.80}; see tasks.tabletop.language.instruction.FIELDS"
        )
    values = value if isinstance(value, tuple) else (value,)
    known = value == GROUP or (values and all(v in choices for v in values))
    if not known or len(set(values)) < len(values):
        once = ", each at most once" if isinstance(value, tuple) else ""
        raise ValueError(f"expected {name} among {', '.join(choices)}{once}; got {value!r:.80}")


@dataclass(frozen=True)
class Instruction:
    """One push, independent of how it is worded. Hashable; lists become tuples.

    Raises ValueError for an unknown family, a missing or extra field, or an unknown value.
    """

    family: str
    fields: Mapping[str, str | tuple[str, ...]]

    def __post_init__(self) -> None:
        expected = FIELDS.get(self.family)
        if expected is None:
            raise ValueError(f"expected a family among {', '.join(FIELDS)}; got {self.family!r:.80}")
        if set(expected) != set(self.fields):
            got = ", ".join(map(str, self.fields)) or "none"
            raise ValueError(f"expected the fields {', '.join(expected)} for {self.family}, got {got:.80}")
        ordered = {
            name: value if isinstance(value := self.fields[name], str) else tuple(value) for name in expected
        }
        for name, field in ordered.items():
            _check(name, field)
        if self.family == "block1_to_corner" and ordered["location"] != "bottom_left":
            raise ValueError(f"expected bottom_left for block1_to_corner, got {ordered['location']}")
        if ordered.get("target_block") in (ordered.get("block", ""), ordered.get("start_block", "")):
            raise ValueError(f"expected two different blocks, got {ordered['target_block']} twice")
        object.__setattr__(self, "fields", ordered)

    def __hash__(self) -> int:
        return hash((self.family, tuple(self.fields.items())))

    @classmethod
    def of_task(cls, family: str, task: Mapping[str, object]) -> Instruction:
        """The instruction behind a task mapping: its fields without the numbers fixed at reset.

        Raises ValueError as the constructor does.
        """
        named: dict[str, str | tuple[str, ...]] = {}
        for name in FIELDS.get(family, ()):
            value = task.get(name)
            if isinstance(value, str):
                named[name] = value
            elif isinstance(value, (list, tuple)):
                named[name] = tuple(str(item) for item in value)
        return cls(family, named)

    def blocks(self) -> tuple[str, ...]:
        """The block names in the order in which a sentence names them; GROUP names none."""
        named: list[str] = []
        for name in BLOCK_FIELDS:
            value = self.fields.get(name, ())
            if value != GROUP:
                named.extend((value,) if isinstance(value, str) else value)
        return tuple(named)
