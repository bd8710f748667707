"""Words of a server, as they may be shown: its own out of an error's JSON, in one line that steers
nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

_SEQUENCE: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours and moves of the cursor
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles, links, clipboards
    r"|\x1b[ -/]*[0-~]"
)
_TAG: Final = re.compile(r"<[a-z!/][^<>]*>", re.IGNORECASE)
_KEYS: Final = ("error", "message", "detail", "msg", "error_description", "errors")
"""Under which servers put their words; OpenAI's, vLLM's and FastAPI's among them."""
_DEEPEST: Final = 6


def one_line(text: str) -> str:
    """`text` as one line without what could steer a terminal: whole escape sequences, then every other
    character that is not printed."""
    told = _SEQUENCE.sub("", text)
    return " ".join("".join(c if c.isprintable() else " " for c in told).split())


def words(said: object, deep: int = 0) -> str:
    """What a server says in an error's JSON, or text, of any shape."""
    if isinstance(said, str):
        parsed = _parsed(said) if deep < _DEEPEST else None
        return _TAG.sub(" ", said) if parsed is None else words(parsed, deep + 1)
    if isinstance(said, Mapping) and deep < _DEEPEST:
        for key in _KEYS:
            if said.get(key):
                return words(said[key], deep + 1)
    if isinstance(said, list) and deep < _DEEPEST:
        return "; ".join(words(item, deep + 1) for item in said[:3])
    return json.dumps(said, default=str) if said else ""


def _parsed(said: str) -> object:
    """The JSON that a text is; None where it is none."""
    try:
        return json.loads(said) if said.lstrip()[:1] in ("{", "[") else None
    except (ValueError, RecursionError):
        return None
