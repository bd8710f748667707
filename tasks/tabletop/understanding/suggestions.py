"""Suggestions for an instruction that is refused: understood, about blocks on the table, not against it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.domain import AmbiguousInstruction, UnknownInstruction
from tasks.tabletop.goals import BY_INSTRUCTION
from tasks.tabletop.language.read import MAX_CHARACTERS
from tasks.tabletop.understanding.spelling import edits
from tasks.tabletop.understanding.vocabulary import (
    CONTRACTIONS,
    KNOWN,
    MEANINGFUL,
    NUMBERS,
    WORDS,
    WORDS_NOT_TYPOS,
)
from tasks.tabletop.world.board import COLORS, SHAPES, color_of, shape_of, words_of

Blocks = Mapping[str, NDArray[np.float64]]
MOST: Final = 2
ALIKE: Final = 0.55
"""How alike a suggestion must be to what was said, 0..1."""
_AREAS: Final = (
    "left", "right", "top", "bottom", "top left corner", "top right corner", "bottom left corner",
    "bottom right corner", "center",
)  # fmt: skip
_PLACES: Final = frozenset(
    {"left", "right", "top", "bottom", "center", "up", "down", "corner", "above", "below"}
)
_AWAY: Final = frozenset(
    {
        "out",
        "away",
        "off",
        "from",
        "apart",
        "clear",
        "spread",
        "between",
        "than",
        "around",
        "swap",
        "separate",
    }
)
"""Words that turn a place, or another block, into where not to go."""
_FIGURES: Final = frozenset({"gather", "group", "line", "circle", "swap", "sort", "clear", "spread"})
"""What is not offered unless it was said."""
_SIGN: Final = re.compile(r"[^a-z\s,.;:!?'-]|(?<![a-z])['-]|['-](?![a-z])")
"""What is no word and no stop: nobody knows what a sign takes away."""
_BY: Final = frozenset({"color", "shape"})
"""What is not offered in the place of each other."""
_WHOLE: Final = re.compile(r"\b(?:all|every\w*|each|blocks|pieces|bricks|objects|items|things)\b")
"""Words without which not all blocks are meant."""
_ANY: Final = re.compile(rf"\ban? (?:\w+ )?(?:{'|'.join((*COLORS, *SHAPES, 'block', 'piece', 'brick'))})\b")
"""One block, whichever."""
_TURNED: Final = ("un", "de", "dis", "mis", "non", "anti", "re")
_TURNING = """but except excepting besides excluding apart keep keeping leave leaving stay stays still none
no nothing nobody nor untouched unmoved alone it its them they those these this that others other else
remaining rest any should must shall would could will can if unless either or not dont cannot one both half
first then afterwards afterward subsequently finally lastly firstly"""
TURNING: Final = frozenset(_TURNING.split())
"""Known words that except, forbid, point back, leave a choice or mean some of several."""
_HARMLESS = """tip roll rotate spin turn toss throw drag haul carry shuffle polish shift slide
nudge knock squeeze press poke tow steer guide ferry relocate transfer deliver stack heap pile draw table desk
neat neatly nice nicely pretty prettily beautifully properly cleanly quietly softly smoothly swiftly happily
politely sir friend buddy machine hello carefully here there together onto over across near close closer
nearer very really truly quite tight tightly loosely soldiers flowers dance music picture"""
HARMLESS: Final = frozenset(_HARMLESS.split())
"""Words that are not known, and turn no meaning: other ways to bring something somewhere, how, and where."""


@contextmanager
def with_suggestions(text: str, blocks: Blocks, understands: Callable[[str], object]) -> Iterator[None]:
    """Adds suggestions to what is refused inside; `understands` raises ValueError for what would be."""
    try:
        yield
    except AmbiguousInstruction:
        raise
    except UnknownInstruction as error:
        if near := suggestions(text, blocks, understands):
            raise UnknownInstruction(f"{error}; did you mean: {'; '.join(near)}?") from None
        raise


def _safe(text: str) -> bool:
    """Whether no word of a text can turn its meaning: each is known and turns nothing, is a typo of one that
    is, or is harmless. Of any other nobody knows what it forbids, excepts, or makes less of."""
    plain = text.lower().replace("\u2019", "'")
    if len(text) > MAX_CHARACTERS or _SIGN.search(plain):
        return False
    words = re.findall(r"[a-z]+(?:'[a-z]+)*", plain)
    return all(_harmless(part) for word in words for part in CONTRACTIONS.get(word, word).split())


def _harmless(word: str) -> bool:
    if word in TURNING or word in MEANINGFUL or word in NUMBERS:
        return False
    if word in KNOWN or word in HARMLESS:
        return True
    if len(word) < 4 or word in WORDS_NOT_TYPOS or word.startswith(_TURNED):
        return False
    turning = (other for other in (*TURNING, *MEANINGFUL) if len(other) > 2)
    if any(edits(word, other) <= 1 for other in turning):
        return False
    return any(edits(word, known) <= 1 for known in KNOWN if len(known) > 3)


def _words(text: str) -> list[str]:
    """The words of a text in their one form, the nearest known ones in the place of others."""
    found = []
    for word in re.findall(r"[a-z']+", text.lower()[:400]):
        if word not in KNOWN:
            word = next(iter(difflib.get_close_matches(word, KNOWN, n=1, cutoff=0.8)), word)
        found.append(WORDS.get(word, word))
    return found


def _said(text: str) -> set[str]:
    """The same without endings of plurals."""
    return {word.removesuffix("s") for word in _words(text)}


def _named(text: str) -> set[str]:
    """How a text names its blocks: "red moon", "moons", "yellow blocks"."""
    words = _words(text)
    found = set()
    for k, word in enumerate(words):
        shape = word.removesuffix("s") in (*SHAPES, "block")
        if word.removesuffix("s") in COLORS and not (
            k + 1 < len(words) and words[k + 1].removesuffix("s") in (*SHAPES, "block")
        ):
            found.add(word)
        elif shape:
            found.add(f"{words[k - 1]} {word}" if k and words[k - 1] in COLORS else word)
    return found - {"block", "blocks"}


def suggestions(text: str, blocks: Blocks, understands: Callable[[str], object]) -> list[str]:
    """Up to two instructions near to a text. None for one that forbids, excepts, sets a condition, is about
    so many blocks, or may be so by a word that is not known: near words could mean the opposite, or more."""
    if not _safe(text) or _ANY.search(text.lower()):
        return []
    said = _said(text)
    plain, named, places = " ".join(text.lower()[:400].split()), _named(text), said & _PLACES
    away = said & _AWAY
    scored = []
    for offer in _offers(blocks):
        own = _said(offer)
        if "all" in own and not _WHOLE.search(plain):
            continue
        if own & (_FIGURES | _BY) - said:
            continue
        # All the blocks and places that were said, and no others.
        if _named(offer) == named and own & _PLACES == places and own & _AWAY == away:
            alike = difflib.SequenceMatcher(None, plain, offer).ratio()
            scored.append((alike, offer))
    near = [offer for alike, offer in sorted(scored, reverse=True) if alike >= ALIKE]
    return [offer for offer in near[: 3 * MOST] if _accepted(offer, understands)][:MOST]


def _accepted(offer: str, understands: Callable[[str], object]) -> bool:
    try:
        understands(offer)
    except ValueError:
        return False
    return True


def _offers(blocks: Blocks) -> Iterator[str]:
    """What can be asked of the blocks on a table, by name, colour and shape."""
    yield from BY_INSTRUCTION
    names = [words_of(name) for name in sorted(blocks)]
    colors = sorted({color_of(name) for name in blocks})
    shapes = sorted({shape_of(name) for name in blocks})
    sets = [*(f"{color} blocks" for color in colors), *(f"{shape}s" for shape in shapes)]
    for area in _AREAS:
        yield from (f"push the {name} to the {area}" for name in names)
        yield from (f"put the {some} on the {area}" for some in sets)
    for some in sets:
        yield from (f"gather the {some}", f"line up the {some}", f"spread out the {some}")
        yield f"make a circle of the {some}"
        yield from (f"put the {some} next to the {name}" for name in names)
    for name in names:
        yield from (f"push the {name} {way}" for way in ("up", "down"))
        for other in names:
            if other != name:
                yield f"push the {name} next to the {other}"
                yield f"swap the {name} and the {other}"
