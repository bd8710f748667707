"""Trees of a sentence: every way in which the grammar reads its words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput
from lark.lexer import Lexer
from lark.visitors import CollapseAmbiguities

from tasks.tabletop.understanding.vocabulary import KINDS

GRAMMAR: Final = Path(__file__).with_name("grammar.lark")
MOST_TREES: Final = 64
_FORMS: Final = (("at:", "AT_PLACE"), ("tol:", "TOLERANCE"), ("len:", "LENGTH"))


def terminal(word: str) -> str | None:
    """The grammar's name for a word, or None for one that is in no sentence."""
    if word.isdecimal():
        return "NUMBER"
    return next((name for start, name in _FORMS if word.startswith(start)), KINDS.get(word))


class WordLexer(Lexer):
    """Each word is a token, which knows its number in the sentence."""

    def __init__(self, conf: Any) -> None:
        """What lark tells a lexer is not needed."""

    def lex(self, lexer_state: Any, parser_state: Any = None) -> Iterator[Token]:
        """The words of a sentence."""
        text = getattr(lexer_state, "text", lexer_state)
        for number, word in enumerate(str(getattr(text, "text", text)).split()):
            yield Token(str(terminal(word)), word, start_pos=number)


@cache
def _parser() -> Lark:
    return Lark(
        GRAMMAR.read_text(encoding="utf-8"),
        parser="earley",
        lexer=WordLexer,
        ambiguity="explicit",
        maybe_placeholders=False,
    )


def trees(words: Sequence[str]) -> list[Tree[Token]]:
    """Every tree of a sentence, up to 64 of them; none where it is no sentence."""
    if not words or any(terminal(word) is None for word in words):
        return []
    try:
        whole = _parser().parse(" ".join(words))
    except UnexpectedInput:
        return []
    found: list[Tree[Token]] = []
    for tree in CollapseAmbiguities().transform(whole):
        if tree not in found:
            found.append(tree)
        if len(found) >= MOST_TREES:
            break
    return found
