"""JSON objects in what a model says: in prose, in a fence, after a thought, more than once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

_THOUGHT: Final = re.compile(
    r"</(?:think(?:ing)?|reasoning|thought)>|◁/think▷|\[/THINK\]|<\|channel\|>final<\|message\|>",
    re.IGNORECASE,
)
"""After the last of these, of models whose server does not set the thought apart, comes the answer."""
_DECODER: Final = json.JSONDecoder(strict=False)  # models break lines within strings
_WORK: Final = 4_000_000
"""Characters read at most in one search: a million braces would else take hours."""


def after_thought(text: str) -> str:
    """What is said after the last thought; all where there is none."""
    ends = [match.end() for match in _THOUGHT.finditer(text)]
    return text[ends[-1] :] if ends else text


def objects(text: str, claims: Callable[[dict[str, Any]], bool]) -> Iterator[dict[str, Any]]:
    """Every balanced JSON object in `text`, in order. One that is not what is looked for (`claims`) is
    looked into as well: an answer may be wrapped in another object."""
    at, work = text.find("{"), 0
    while at >= 0 and work < _WORK:
        end = at + 1
        try:
            value, whole = _DECODER.raw_decode(text, at)
            work += whole - at
            yield value
            if claims(value):
                end = whole
        except json.JSONDecodeError as error:
            work += error.pos - at + error.pos // 100 + 1  # it counts the lines before it
        except (RecursionError, ValueError):  # too deep, or a number of thousands of digits
            work += len(text) - at
        at = text.find("{", end)


def candidates(parts: Sequence[str], claims: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """The objects that claim to be the answer in the first of `parts` in which there is one."""
    for part in parts:
        if found := [value for value in objects(part, claims) if claims(value)]:
            return found
    return []
