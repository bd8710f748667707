"""Plain text: what may come from anywhere, made harmless to a terminal."""

from __future__ import annotations

import re
from typing import Final

_SEQUENCE: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, the cursor
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # titles, links
    r"|\x1b[ -/]*[0-~]"
)


def without_sequences(text: str) -> str:
    """`text` without the sequences by which it would steer a terminal."""
    return _SEQUENCE.sub("", text)


def one_line(text: str) -> str:
    """`text` in one line without what could steer a terminal, wherever it came from."""
    words = " ".join(without_sequences(text).split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in words)
