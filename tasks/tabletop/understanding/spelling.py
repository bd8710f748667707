"""Spelling: an operator's sentence as words of the vocabulary, with what was taken for a typo said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tasks.domain import UnknownInstruction
from tasks.tabletop.language.read import MAX_CHARACTERS, shown
from tasks.tabletop.understanding.vocabulary import (
    CONTRACTIONS,
    KINDS,
    KNOWN,
    MEANINGFUL,
    NUMBERS,
    PHRASES,
    POLITE,
    WORDS,
    WORDS_NOT_TYPOS,
)

_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_UNIT = r"(?:cm|centimeters?|centimetres?|mm|millimeters?|millimetres?|meters?|metres?|m|inch|inches)"
_METERS: Final = {"c": 0.01, "mm": 0.001, "mi": 0.001, "m": 1.0, "i": 0.0254}
_AT: Final = (
    rf"(?:\bthe )?(?:\bposition |\bpoint |\bspot )?\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)",
    rf"\bx\s*=?\s*({_NUMBER})\s*(?:cm)?\s*,?\s*(?:and\s+)?y\s*=?\s*({_NUMBER})\s*(?:cm\b)?",
)
_PLAIN: Final = str.maketrans({"\u2019": "'", "\u2013": "-", "\u2212": "-"})
"""Quotes and dashes as keyboards have them."""
_FIXED: Final = {"teh": "the", "hte": "the", "adn": "and", "nad": "and", "fo": "of", "tot he": "to the"}
_DISTANCE: Final = re.compile(r"(?:at|tol|len):\S+|\d+")
SHORT: Final = 4
"""Letters below which a word is a typo only of a colour, shape or side that has one letter more."""
NAMES: Final = tuple(w for w, kind in KINDS.items() if kind in ("COLOR", "SHAPE", "SHAPES", "SIDE"))
_OPENS: Final = ("", ",", ";", ":", "and", "then", "please")
"""Words after which "should" sets a condition: "should the cube be there, move it"."""
LONG: Final = 8
"""Letters from which a word may have two typos."""


@dataclass(frozen=True)
class Spelled:
    """A sentence in words of the vocabulary."""

    plain: str
    """Without typos, politeness and articles; else as it was said."""
    words: tuple[str, ...]
    """In the grammar's words."""
    heard: str
    """Which words were taken for which others; empty where none were."""


def spelled(text: str) -> Spelled:
    """A sentence as words. Raises UnknownInstruction for a word that is not known and is no typo of one."""
    if len(text) > MAX_CHARACTERS:
        raise UnknownInstruction(
            f"expected at most {MAX_CHARACTERS} characters, got {len(text)}: {shown(text)}; say less"
        )
    typos: dict[str, str] = {}
    tokens = _tokens(text)
    if any(word == "should" and before in _OPENS for before, word in pairwise(("", *tokens))):
        raise _turning("should", text)
    rough = [_known(word, text, typos) for word in tokens]
    said = " ".join(CONTRACTIONS.get(word, word) for word in rough)
    for phrase in sorted(POLITE, key=len, reverse=True):
        said = re.sub(rf"(?<![\w']){re.escape(phrase)}(?![\w'])", " ", said)
    plain = _tidy(re.sub(r"(?<![\w'])the(?![\w'])", " ", said))
    heard = ", ".join(f'"{wrong}" read as "{right}"' for wrong, right in typos.items())
    return Spelled(plain, tuple(_phrased(plain).split()), heard)


def _tokens(text: str) -> list[str]:
    """Lower-case words, separators and numbers; places and lengths as words of their own."""
    said = text.lower().translate(_PLAIN)
    for pattern in _AT:
        said = re.sub(pattern, lambda m: f" at:{float(m[1]):g}:{float(m[2]):g} ", said)
    numbers = "|".join(NUMBERS[1:])
    said = re.sub(
        rf"\b(to )?within ({_NUMBER}|{numbers}) ?{_UNIT}\b", lambda m: f" tol:{_meters(m[0])} ", said
    )
    said = re.sub(rf"\b(by )?({_NUMBER}|{numbers}) ?{_UNIT}\b", lambda m: f" len:{_meters(m[0])} ", said)
    said = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", said)
    said = re.sub(r"[.!?]+\s*$", "", said.strip())
    said = re.sub(r"[.!?]+\s+", " ; ", said)
    said = re.sub(r"(?<!\S)(\S*?[a-z0-9'])?([,;:])(?=\s|$)", r"\1 \2 ", said)
    return said.replace('"', " ").split()


def _meters(words: str) -> str:
    """ "within five cm" -> "0.05"."""
    number, unit = re.findall(rf"({_NUMBER}|[a-z]+) ?({_UNIT})$", words.strip())[0]
    count = float(NUMBERS.index(number)) if number in NUMBERS else float(number)
    scale = next(scale for start, scale in _METERS.items() if unit.startswith(start))
    return f"{count * scale:g}"


def _known(word: str, text: str, typos: dict[str, str]) -> str:
    """A word, or the one of which it is a typo; notes which."""
    if word in KNOWN or word in KINDS or _DISTANCE.fullmatch(word):
        return word
    if word in _FIXED:
        typos[word] = _FIXED[word]
        return _FIXED[word]
    if word in MEANINGFUL:
        raise _turning(word, text)
    if right := _typo_of(word):
        typos[word] = right
        return right
    raise UnknownInstruction(f"expected words that I know, got {shown(word)} in {shown(text)}; reword it")


def _turning(word: str, text: str) -> UnknownInstruction:
    """The error for a word that changes what is meant."""
    return UnknownInstruction(
        f'expected words whose meaning here I know, got "{word}" in {shown(text)}, which could change '
        "what is asked; say it without"
    )


def _typo_of(word: str) -> str:
    """The one known word of which this can be a typo, or nothing."""
    if len(word) < 2 or word in WORDS_NOT_TYPOS or not word.isalpha():
        return ""
    if len(word) < SHORT:
        longer = [name for name in NAMES if len(name) > len(word) and name[0] == word[0]]
        names = [name for name in longer if edits(word, name) == 1]
        return names[0] if len(names) == 1 else ""
    most = 2 if len(word) >= LONG else 1
    if any(edits(word, other) <= most for other in MEANINGFUL if len(other) > 2):
        return ""
    near = [(edits(word, known), abs(len(known) - len(word)), known not in KINDS, known)
            for known in KNOWN if len(known) > 2 and known[0] == word[0] and known.isalpha()]  # fmt: skip
    near = sorted(found for found in near if found[0] <= most)
    if not near or (len(near) > 1 and near[1][:3] == near[0][:3]):
        return ""
    return near[0][3]


def edits(a: str, b: str) -> int:
    """Letters to add, drop, change or exchange with their neighbour (Damerau, 1964), at most three."""
    if abs(len(a) - len(b)) > 2:
        return 3
    rows = [list(range(len(b) + 1))]
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and y == a[i - 2]:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return min(3, rows[-1][-1])


def _tidy(said: str) -> str:
    """Without separators at either end or one after another."""
    words: list[str] = []
    for word in said.split():
        if word in ",;" and (not words or words[-1] in ",;"):
            continue
        words.append(word)
    while words and words[-1] in ",;:":
        words.pop()
    return " ".join(words)


def _phrased(plain: str) -> str:
    """In the grammar's words."""
    said = " ".join(WORDS.get(word, word) for word in plain.split())
    for pattern, word in PHRASES:
        said = " ".join(re.sub(rf"(?<!\S)(?:{pattern})(?!\S)", word, said).split())
    return _tidy(said)
