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
from tasks.tabletop.understanding.vocabulary import KNOWN, MEANINGFUL, WORDS
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
    {"out", "away", "off", "from", "apart", "clear", "spread", "between", "than", "around", "swap"}
)
"""Words that turn a place, or another block, into where not to go."""
_KINDS: Final = frozenset((*COLORS, *SHAPES))


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


def _said(text: str) -> set[str]:
    """The words of a text in their one form, the nearest known ones in the place of others."""
    found = set()
    for word in re.findall(r"[a-z']+", text.lower()[:400]):
        if word not in KNOWN:
            word = next(iter(difflib.get_close_matches(word, KNOWN, n=1, cutoff=0.8)), word)
        found.add(WORDS.get(word, word).removesuffix("s"))
    return found


def suggestions(text: str, blocks: Blocks, understands: Callable[[str], object]) -> list[str]:
    """Up to two instructions near to a text. None for one that forbids, excepts or sets a condition: near
    words could mean the opposite."""
    said = _said(text)
    if said & {word.removesuffix("s") for word in MEANINGFUL} or "don't" in text.lower() or "but" in said:
        return []
    plain, kinds, places = " ".join(text.lower()[:400].split()), said & _KINDS, said & _PLACES
    away = said & _AWAY
    scored = []
    for offer in _offers(blocks):
        own = _said(offer)
        # All the blocks and places that were said, and no others.
        if own & _KINDS == kinds and own & _PLACES == places and own & _AWAY == away:
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
