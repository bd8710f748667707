"""Reader of instructions, with errors that say what was expected, what was got and what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

from tasks.domain import UnknownInstruction
from tasks.tabletop.language.forms import FORMS, SHORT_VERBS, Form
from tasks.tabletop.language.instruction import BLOCK_FIELDS, FIELDS, GROUP, Instruction
from tasks.tabletop.language.names import SLOT, meant_by, split_mentions
from tasks.tabletop.world.board import words_of

MAX_CHARACTERS: Final = 400
SHOWN_CHARACTERS: Final = 80

_FORMS: Final[dict[str, list[Form]]] = {}
for _form in FORMS:
    _FORMS.setdefault(_form.text, []).append(_form)
_UNUSUAL: Final = ("slightly", "bring", *(f"{verb} the *" for verb in SHORT_VERBS[1:]))
# Suggestions leave out the other verbs of a form: few enough to compare in some 50 milliseconds.
_NEAREST: Final = tuple(
    form.text for form in FORMS if form.family == "separate_blocks" or not form.text.startswith(_UNUSUAL)
)
_SPOT: Final = re.compile(r"(?:push|move|slide|put) the \* to the spot x (\S+) y (\S+)")
_EXAMPLES: Final = ("red moon", "blue cube", "green star", "yellow pentagon")


def shown(text: str) -> str:
    """The text for a message: at most 80 characters, with what cannot be printed escaped."""
    head = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: SHOWN_CHARACTERS + 1])
    return f'"{head if len(head) <= SHOWN_CHARACTERS else head[: SHOWN_CHARACTERS - 3] + "..."}"'


def _examples(form: str, mentions: Sequence[str]) -> str:
    """A form with the text's own block names in its slots, then example names."""
    for name in (*mentions, *_EXAMPLES):
        form = form.replace(SLOT, name, 1)
    return f'"{form}"'


@lru_cache(maxsize=256)
def _near(form: str) -> tuple[str, ...]:
    """Forms that are like one that is not known; models say the same again and again, and each look takes
    30 ms."""
    return tuple(get_close_matches(form, _NEAREST, n=3, cutoff=0.6))


def _unknown(text: str, form: str, mentions: Sequence[str]) -> UnknownInstruction:
    """The error for a text that no form words."""
    near = _near(form) if len(form) <= MAX_CHARACTERS else ()
    nearest = " or ".join(_examples(match, mentions) for match in near or _NEAREST[:1])
    return UnknownInstruction(
        f"expected an instruction for one push of at most {MAX_CHARACTERS} characters, got {shown(text)}; "
        f"{'nearest known' if near else 'for example'}: {nearest}; reword it like one of these"
    )


def _resolve(name: str, text: str, blocks_on_table: Sequence[str] | None) -> str:
    """The one block that a name means on the table."""
    meant = meant_by(name, blocks_on_table)
    if len(meant) == 1:
        return meant[0]
    several = ", ".join(map(words_of, meant[:4])) + (", ..." if len(meant) > 4 else "")
    table = ", ".join(map(words_of, blocks_on_table or ())) or "no block"
    why = f"which can mean {several}" if meant else f"but the table holds {table}"
    raise UnknownInstruction(
        f'expected a name that is unique on the table, got "the {name}" in {shown(text)}, {why}; '
        "name a block on the table by its colour and shape"
    )


def _instruction(form: Form, kinds: Sequence[str]) -> Instruction:
    """The meaning of a form whose slots hold these blocks."""
    fields: dict[str, str | tuple[str, ...]] = dict(form.words)
    slots = [name for name in BLOCK_FIELDS if name in FIELDS[form.family]]
    for name, kind in zip(slots, kinds, strict=False):
        fields[name] = kind
    if "avoid_blocks" in slots:
        fields["avoid_blocks"] = GROUP if fields["avoid_blocks"] == GROUP[0] else tuple(kinds[1:])
    return Instruction(form.family, fields)


def _spot(text: str, kind: str, x: str, y: str) -> Instruction:
    """The push of a block to a place."""
    try:
        return Instruction("block2spot", {"block": kind, "spot": f"{x},{y}"})
    except ValueError as error:
        raise UnknownInstruction(f"{error}, in {shown(text)}") from None


def _split(text: str) -> tuple[str, tuple[str, ...]]:
    """A text with slots for names, and these."""
    plain = " ".join(text.lower().split()).removesuffix(".").rstrip()
    # A literal slot in the text must not pass for a block's name.
    return split_mentions(plain.replace(SLOT, "?"))


def is_worded(text: str) -> bool:
    """Whether a text has the form of an instruction, whatever it names. `parse` refuses all others, too, but
    looks for what is like them, which takes some 30 milliseconds: too long for texts drawn from a model."""
    if len(text) > MAX_CHARACTERS:
        return False
    form, _ = _split(text)
    return form in _FORMS or _SPOT.fullmatch(form) is not None


def parse_all(text: str, blocks_on_table: Sequence[str] | None = None) -> tuple[Instruction, ...]:
    """Every reading of a text, the one that `parse` returns first.

    Case, spaces and a final period do not matter. "the red block" and "the moon" mean a block when
    that is unique among `blocks_on_table` (kind names; None = all 16 kinds, where neither is).
    Raises UnknownInstruction, whose message is one line, for every text it cannot resolve.
    """
    if len(text) > MAX_CHARACTERS:
        raise _unknown(text, text, ())
    form, mentions = _split(text)
    if (spot := _SPOT.fullmatch(form)) and len(mentions) == 1:
        return (_spot(text, _resolve(mentions[0], text, blocks_on_table), spot[1], spot[2]),)
    forms = _FORMS.get(form)
    if not forms:
        raise _unknown(text, form, mentions)
    kinds = [_resolve(name, text, blocks_on_table) for name in mentions]
    try:
        return tuple(_instruction(match, kinds) for match in forms)
    except ValueError as error:
        raise UnknownInstruction(f"{error}, in {shown(text)}; name each block once") from None


def parse(text: str, blocks_on_table: Sequence[str] | None = None) -> Instruction:
    """The instruction that a text words; see `parse_all` for what is accepted and raised.

    "to the bottom left" is read as block2absolutelocation; `parse_all` adds block1_to_corner.
    """
    return parse_all(text, blocks_on_table)[0]
