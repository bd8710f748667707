"""Wordings of standing rules, as patterns on lower-case text with single spaces."""

from __future__ import annotations

import re
from typing import Final

from tasks.tabletop.goals.area import area_words
from tasks.tabletop.language.instruction import AREAS
from tasks.tabletop.world.board import COLORS, SHAPES

_NOT: Final = r"(?:never|do not|don't|dont|you must not|you must never|you may not)"
_THING: Final = rf"(?:{'|'.join((*SHAPES, 'block', 'one'))})s?"
_THE: Final = r"(?:the|any|every|each|all|both|all the|both the|all of the|both of the|any of the)"
_BLOCK: Final = rf"(?:{_THE} )?(?:(?:{'|'.join(COLORS)}) )?{_THING}"
_BLOCKS: Final = rf"(?P<blocks>{_BLOCK}(?:(?:, and|, or|,| and| or| nor) {_BLOCK})*)"
_TOUCH: Final = r"(?:move|touch|push|bump|slide|shift|nudge|hit|disturb)(?: into| against)?"
_MOVED: Final = r"(?:moved|touched|pushed|bumped|shifted|nudged|disturbed)"
_STAYING: Final = r"(?:alone|(?:where|as) (?:it is|they are)|in (?:its |their )?place|untouched|still)"

_AREA: Final = (
    r"(?:the )?(?P<area>(?:top|bottom|upper|lower)[ -](?:left|right)(?: hand)?"
    r"(?: corner| quarter| area| side)?"
    r"|(?:top|bottom|upper|lower|left|right)(?:[ -]hand)?(?: side| half| area)?)"
    r"(?: of the (?:board|table))?"
)
_ANYTHING: Final = r"(?:anything|any blocks?|the blocks|blocks|a block)"
_INTO: Final = r"(?:in|into|to|on|onto)"

_SPEED: Final = (
    r"(?P<number>[-+]?[\d.,]+(?:e[-+]?\d+)?|[-+]?inf(?:inity)?|nan|one|two|three|four|five|six|seven|eight"
    r"|nine|ten) ?(?P<unit>mm|cm|m|millimet(?:re|er)s?|centimet(?:re|er)s?|met(?:re|er)s?)"
    r"(?: ?/ ?(?:s|sec|second)| (?:a|per|each|every) (?:s|sec|second))"
)
_GO: Final = r"(?:move|go|drive|travel|push|be)"
_MOST: Final = (
    r"(?:at most|no faster than|not faster than|never faster than|no more than|not more than|up to"
    r"|at a maximum of|a maximum of|maximum of|maximum|max|slower than)"
)

STILL: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_NOT} {_TOUCH} {_BLOCKS}",
        rf"(?:leave|keep) {_BLOCKS} {_STAYING}",
        rf"(?:(?:keep|stay) (?:away from|off|clear of)|hands off|avoid(?: (?:touching|moving|pushing))?)"
        rf" {_BLOCKS}",
        rf"{_BLOCKS} (?:must|may|should) (?:not|never) (?:move|be {_MOVED})",
        rf"{_BLOCKS} (?:stays?|must stay) (?:put|{_STAYING})",
    )
)
"""What names blocks that must not be moved."""
CLEAR: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:keep|leave) {_AREA} (?:clear|empty|free)(?: of blocks)?",
        rf"(?:keep|stay) (?:clear |out |away )(?:of|from) {_AREA}",
        rf"(?:keep|leave) {_ANYTHING} out of {_AREA}",
        rf"{_NOT} (?:enter|go {_INTO}|move into) {_AREA}",
        rf"{_NOT} (?:put|push|move|slide|bring) {_ANYTHING} {_INTO} {_AREA}",
        rf"(?:put|push|move|slide|bring) nothing {_INTO} {_AREA}",
        rf"{_AREA} (?:stays|must stay|must be kept) (?:clear|empty|free)",
    )
)
"""What names an area that is to be kept clear."""
SPEED: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:{_GO} )?(?:with |at )?{_MOST} {_SPEED}",
        rf"{_NOT} {_GO} (?:faster|more) than {_SPEED}",
        rf"(?:the )?(?:maximum speed|max speed|top speed|speed limit)(?: of| is|:)? {_SPEED}",
    )
)
"""What limits the speed."""

MENTION: Final = re.compile(_BLOCK)
SINGULAR: Final = re.compile(rf"(?:the )?(?:(?:{'|'.join(COLORS)}) )?(?:{'|'.join(SHAPES)}|block|one)")
"""A name that means one block, and so must be unique on the table."""
AREA_KEYS: Final = {
    words.replace("top", top).replace("bottom", bottom): area
    for area in AREAS
    for words in (area.replace("_", " "),)
    for top, bottom in (("top", "bottom"), ("upper", "lower"))
}
"""The words for an area without what may follow them."""
NUMBERS: Final = {
    word: float(k)
    for k, word in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1
    )
}
EXAMPLES: Final = (
    "never move the *",
    "do not touch the *",
    "never push the * and the *",
    "never move the red blocks",
    "never move the moons",
    "leave the * alone",
    "leave the * where it is",
    *(f"keep the {area_words(area)} clear" for area in AREAS),
    *(f"stay out of the {area_words(area)}" for area in AREAS),
    "at most 5 cm a second",
    "no faster than 5 cm a second",
)
"""Plain wordings for suggestions, `*` for a block's name."""
