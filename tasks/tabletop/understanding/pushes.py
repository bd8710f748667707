"""Pushes in loose words: single pushes and long tasks, said politely, without articles, or with a typo."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from typing import Final

from tasks.domain import UnknownInstruction
from tasks.tabletop.goals import BY_INSTRUCTION
from tasks.tabletop.language.forms import FORMS
from tasks.tabletop.language.names import MENTION, SLOT, meant_by
from tasks.tabletop.language.read import parse
from tasks.tabletop.world.board import words_of

MOST: Final = 8
"""Blocks that may be meant before it is refused instead of asked about."""
_ALIKE: Final = (
    ("nudge", "slightly push"), ("shove", "push"), ("drag", "push"), ("pushing", "push"), ("moving", "move"),
    ("shift", "move"), ("colour", "color"), ("centre", "center"), ("beside", "next to"), ("near", "close to"),
    ("piece", "block"), ("toward", "towards"), ("right hand", "right"), ("left hand", "left"),
    ("middle of board", "center of board"), ("over to", "to"),
)  # fmt: skip


def _bare(text: str) -> str:
    """Without articles."""
    return " ".join(word for word in text.split() if word != "the")


_FORMS: Final = {_bare(form.text): form.text for form in reversed(FORMS)}
_LONG: Final = {_bare(text): text for text in BY_INSTRUCTION}


def long_words(plain: str) -> str | None:
    """The words of the long task that a sentence without articles names, or None."""
    return _LONG.get(_alike(plain))


def _alike(plain: str) -> str:
    for said, known in _ALIKE:
        plain = re.sub(rf"(?<!\S){said}(?!\S)", known, plain)
    return plain


def push_words(plain: str, table: Sequence[str]) -> list[str]:
    """Every push that a sentence without articles can mean on a table, in words that `parse` reads; none
    where it is in no form. Raises UnknownInstruction where it names a block that is not there."""
    said = _alike(plain).replace(SLOT, "?")
    form = _FORMS.get(MENTION.sub(SLOT, said))
    if form is None:
        return []
    mentions = MENTION.findall(said)
    meant = [meant_by(name, table) for name in mentions]
    parts = form.split(SLOT)
    if not all(meant):
        parse(_filled(parts, mentions), table)  # says what is wrong
    found = []
    for names in product(*meant):
        if len(set(names)) == len(names):
            found.append(_filled(parts, [words_of(name) for name in names]))
    if not found or len(found) > MOST:
        raise UnknownInstruction(
            f'expected names that are unique on the table, and each once, got "{_filled(parts, mentions)}"; '
            "name blocks by their colour and shape"
        )
    return found


def _filled(parts: Sequence[str], names: Sequence[str]) -> str:
    return parts[0] + "".join(name + part for name, part in zip(names, parts[1:], strict=True))
