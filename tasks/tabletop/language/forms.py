"""Sentence forms of one push, with `*` for a block's name, and what their other words mean.

The first seven families word exactly what google-research/language-table's generators say; within
one meaning the plain form, used for subgoals, stands first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tasks.tabletop.language.instruction import AREAS, LINES
from tasks.tabletop.world.board import KINDS

Words = tuple[tuple[str, str], ...]
"""What a form says besides its blocks: sorted (field, value) pairs."""

VERBS: Final = ("push", "move", "slide", "put")
SHORT_VERBS: Final = VERBS[:3]
NEAR: Final = ("slightly", "a bit", "a little", "a little bit", "somewhat")

LOCATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "top_left": ("top left corner", "top left", "top left of the board", "upper left corner"),
    "top": ("top side", "top", "towards your base"),
    "top_right": ("top right corner", "top right", "top right of the board", "upper right corner"),
    "center_left": ("left side of the board", "left side", "center left"),
    "center": ("center of the board", "center", "middle", "middle of the board"),
    "center_right": ("right side of the board", "right side", "center right"),
    "bottom_left": ("bottom left corner", "bottom left", "bottom left of the board", "lower left corner"),
    "bottom": ("bottom side", "bottom"),
    "bottom_right": (
        "bottom right corner",
        "bottom right",
        "bottom right of the board",
        "lower right corner",
    ),
}
SIDES: Final[Mapping[str, tuple[str, ...]]] = {
    "up": ("above", "to the top of", "to the top side of"),
    "down": ("below", "to the bottom of", "to the bottom side of"),
    "left": ("to the left of", "left of", "just left of", "to the left side of"),
    "right": ("to the right of", "right of", "just right of", "to the right side of"),
}
POINTING: Final = (
    *("point to", "point at", "point close to", "point next to"),
    *(f"move{arm} {near}" for arm in (" your arm", " the arm", "") for near in ("to", "close to", "next to")),
)
SEPARATING: Final = ("move the * away from", "separate the * from", "pull the * apart from")
GROUPS: Final = ("group", "clump", "group of blocks")
VERTICAL: Final = {"up": ("up", "upwards"), "down": ("down", "downwards")}
TOP_BOTTOM: Final = {"up": "top", "down": "bottom"}


@dataclass(frozen=True)
class Form:
    """One wording: `text` with a slot for each block's name, its family and its other words."""

    text: str
    family: str
    words: Words = ()


def _diagonal_ways(up: str, side: str) -> Iterator[str]:
    """The ways to say a diagonal of the board, "up and to the left" first."""
    for joined in (f"and to the {side}", f"and {side}"):
        for vertical in VERTICAL[up]:
            yield f"{vertical} {joined}"
            yield f"{vertical} {joined} diagonally"
            yield f"diagonally {vertical} {joined}"
            yield f"{vertical} {joined.replace('and', 'and then')}"


def _ways() -> Iterator[tuple[str, str]]:
    """Pairs of a direction and the words that push a block that way."""
    for up in VERTICAL:
        yield from ((up, way) for way in VERTICAL[up])
    for side in ("left", "right"):
        yield from ((side, way) for way in (f"to the {side}", side))
        for up in VERTICAL:
            yield from ((f"diagonal_{up}_{side}", way) for way in _diagonal_ways(up, side))


def _relative() -> Iterator[Form]:
    for direction, way in _ways():
        far = (("direction", direction), ("distance_mode", "far"))
        near = (("direction", direction), ("distance_mode", "near"))
        for verb in SHORT_VERBS:
            yield Form(f"{verb} the * {way}", "block2relativelocation", far)
            yield Form(f"slightly {verb} the * {way}", "block2relativelocation", near)
            for degree in NEAR:
                yield Form(f"{verb} the * {way} {degree}", "block2relativelocation", near)
                yield Form(f"{verb} the * {degree} {way}", "block2relativelocation", near)


def _sides() -> Iterator[tuple[str, str]]:
    """Pairs of a direction and the words for that side of a block."""
    for direction, sides in SIDES.items():
        yield from ((direction, side) for side in sides)
    for up, top in TOP_BOTTOM.items():
        for side in ("left", "right"):
            yield f"diagonal_{up}_{side}", f"to the {top} {side} of"
            yield f"diagonal_{up}_{side}", f"to the {top} {side} side of"
            yield f"diagonal_{up}_{side}", f"diagonally {up} and to the {side} of"


def _placing() -> Iterator[Form]:
    """The forms with the verbs push, move, slide and put."""
    for verb in VERBS:
        for near in ("next to", "to", "towards", "close to"):
            yield Form(f"{verb} the * {near} the *", "block2block")
        for location, names in LOCATIONS.items():
            for name in names:
                words = (("location", location),)
                yield Form(f"{verb} the * to the {name}", "block2absolutelocation", words)
    # After block2absolutelocation, which is the first reading of the sentences that both share.
    for verb in VERBS:
        for name in LOCATIONS["bottom_left"][:3]:
            yield Form(f"{verb} the * to the {name}", "block1_to_corner", (("location", "bottom_left"),))


def _separating() -> Iterator[Form]:
    for start in SEPARATING:
        for n in range(1, len(KINDS) + 1):
            # "a", "a and b", "a, b, and c"
            listed = " and ".join("*" * n) if n < 3 else ", ".join("*" * (n - 1)) + ", and *"
            yield Form(f"{start} the {listed}", "separate_blocks", (("avoid_blocks", str(n)),))
        for group in GROUPS:
            yield Form(f"{start} the {group}", "separate_blocks", (("avoid_blocks", "group"),))


def _own() -> Iterator[Form]:
    """The forms of the families that are ours."""
    for verb in SHORT_VERBS:
        for area in AREAS:
            kind = "area" if "_" in area else "half"
            text = f"{verb} the * into the {area.replace('_', ' ')} {kind}"
            yield Form(text, "block2area", (("area", area),))
        for line in LINES:
            yield Form(f"{verb} the * onto the {line} middle line", "block2line", (("line", line),))
        yield Form(f"{verb} the * out of the center", "block_off_center")


def _all() -> Iterator[Form]:
    yield from _placing()
    yield from _relative()
    for verb in (*VERBS, "bring"):
        for direction, side in _sides():
            words = (("direction", direction),)
            yield Form(f"{verb} the * {side} the *", "block2block_relative_location", words)
    yield from _separating()
    yield from (Form(f"{pointing} the *", "point2block") for pointing in POINTING)
    yield from _own()


FORMS: Final = tuple(_all())
