"""Reader of standing rules, with errors that say what was expected, what was got and what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import get_close_matches
from re import Match, Pattern

from tasks.domain import UnknownRule
from tasks.tabletop.language.names import SLOT, meant_by, split_mentions
from tasks.tabletop.language.read import MAX_CHARACTERS, shown
from tasks.tabletop.rules import wordings
from tasks.tabletop.rules.types import MAX_RULES, BoardRules, KeepClear, NeverMove, Rule, SpeedLimit
from tasks.tabletop.world.board import COLORS, SHAPES, words_of

_EXAMPLES = ("red star", "blue cube")
_UNIT = {"c": 0.01, "mm": 0.001, "mi": 0.001, "me": 1.0, "m": 1.0}
"""Metres, by the unit's first letters."""
_NOUNS = frozenset((*COLORS, *SHAPES, "block", "one"))
_PLACES = frozenset(("top", "bottom", "upper", "lower", "left", "right"))


def _suggestion(form: str, mentions: Sequence[str]) -> str:
    """A wording with the text's own block names in its slots, then example names."""
    for name in (*mentions, *_EXAMPLES):
        form = form.replace(SLOT, name, 1)
    return f'"{form}"'


def _unknown(text: str, plain: str) -> UnknownRule:
    """The error for a text that nothing words; `plain` in lower case with single spaces."""
    form, mentions = split_mentions(plain.replace(SLOT, "?")) if len(plain) <= MAX_CHARACTERS else ("", ())
    near = get_close_matches(form, wordings.EXAMPLES, n=2, cutoff=0.55)
    known = near or ("never move the *", "keep the left side clear", "at most 5 cm a second")
    listed = " or ".join(_suggestion(example, mentions if near else ()) for example in known)
    return UnknownRule(
        f"expected a standing rule of at most {MAX_CHARACTERS} characters, got {shown(text)}; "
        f"{'nearest known' if near else 'for example'}: {listed}; reword it like one of these"
    )


def _match(patterns: Sequence[Pattern[str]], plain: str) -> Match[str] | None:
    return next((found for pattern in patterns if (found := pattern.fullmatch(plain))), None)


def _kinds(name: str, text: str, blocks_on_table: Sequence[str] | None) -> tuple[str, ...]:
    """The blocks that "the red star", "any red block" or "the moons" means on the table."""
    words = [word.removesuffix("s") for word in name.split()]
    kind = " ".join("block" if word == "one" else word for word in words if word in _NOUNS)
    meant = meant_by(kind, blocks_on_table)
    one = wordings.SINGULAR.fullmatch(name) is not None
    if meant and (len(meant) == 1 or not one):
        return meant
    several = ", ".join(map(words_of, meant[:4])) + (", ..." if len(meant) > 4 else "")
    table = ", ".join(map(words_of, blocks_on_table or ())) or "no block"
    if meant:
        why, do = f"which can mean {several}", f'say which, or "every {kind}" for all of them'
    else:
        why, do = f"but the table holds {table}", "name blocks that are on the table"
    raise UnknownRule(f'expected blocks on the table, got "{name}" in {shown(text)}, {why}; {do}')


def _still(found: Match[str], text: str, blocks_on_table: Sequence[str] | None) -> NeverMove:
    names = wordings.MENTION.findall(found["blocks"])
    kinds = [kind for name in names for kind in _kinds(name, text, blocks_on_table)]
    return NeverMove(tuple(dict.fromkeys(kinds)))


def _clear(found: Match[str]) -> KeepClear:
    words = found["area"].replace("-", " ").split()
    return KeepClear(wordings.AREA_KEYS[" ".join(word for word in words if word in _PLACES)])


def _speed(found: Match[str], text: str) -> SpeedLimit:
    unit = found["unit"]
    metres = next(size for start, size in _UNIT.items() if unit.startswith(start))
    try:
        number = wordings.NUMBERS.get(found["number"]) or float(found["number"])
    except ValueError:
        number = math.nan  # "1,000" or "1.2.3"
    try:
        return SpeedLimit(round(number * metres, 12))
    except ValueError as error:
        raise UnknownRule(f"{error}, in {shown(text)}; write it like: at most 5 cm a second") from None


def read_rule(text: str, blocks_on_table: Sequence[str] | None = None) -> Rule:
    """The standing rule that a text words.

    Case, spaces, a leading "please" and a final period do not matter. `blocks_on_table` are kind names; None
    stands for all 16. "the red blocks" and "any moon" mean every such block on the table; "the red block"
    must be unique there. Raises UnknownRule, whose message is one line, for every text it cannot resolve.
    """
    if len(text) > MAX_CHARACTERS:
        raise _unknown(text, text)
    plain = " ".join(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split())
    plain = plain.removesuffix("!").removesuffix(".").rstrip().removeprefix("please ")
    if found := _match(wordings.STILL, plain):
        return _still(found, text, blocks_on_table)
    if found := _match(wordings.CLEAR, plain):
        return _clear(found)
    if found := _match(wordings.SPEED, plain):
        return _speed(found, text)
    raise _unknown(text, plain)


def read_rules(texts: Sequence[str], blocks_on_table: Sequence[str] | None = None) -> BoardRules:
    """All of an operator's rules; see `read_rule`. Raises UnknownRule for more than MAX_RULES, too."""
    if len(texts) > MAX_RULES:
        raise UnknownRule(
            f"expected at most {MAX_RULES} rules, got {len(texts)}; "
            "join some, as in: never move the red star and the blue cube"
        )
    return BoardRules(tuple(read_rule(text, blocks_on_table) for text in texts))
