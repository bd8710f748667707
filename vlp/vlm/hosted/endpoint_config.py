"""Endpoint config: where a hosted model is, and how long it may take."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from vlp.errors import UsageError

KEY: Final = "OPENAI_API_KEY"
"""The only place from which a key is taken."""


def api_key(url: str | None) -> str:
    """The environment's key; empty where there is none and a server of one's own may not want one. Raises
    UsageError where OpenAI's is asked and there is none."""
    found = os.environ.get(KEY, "").strip()
    if not found and url is None:
        raise UsageError(f"vlm: expected a key in the environment's {KEY}, got none; set it")
    if not (found.isascii() and found.isprintable()) or " " in found:
        raise UsageError(f"vlm: expected a key of letters and signs in {KEY}, got others; set it anew")
    return found


@dataclass(frozen=True, kw_only=True)
class EndpointConfig:
    """Which model, where, and how long it may take. Raises UsageError for a URL that is none."""

    model: str
    url: str | None = None
    """Of the API, such as http://127.0.0.1:8000/v1; None: OpenAI's."""
    deadline: float = 20.0
    """Seconds for one question with all its retries."""
    unusable: int = 3
    """Replies that can't be used, after which a question is given up."""
    largest: int = 1_000_000
    """Bytes of a reply."""
    at_once: int = 8
    """Questions under way at the same time."""

    @property
    def address(self) -> str:
        """Of the API. Named always: the client would else go by the environment."""
        return self.url or "https://api.openai.com/v1"

    @property
    def shown(self) -> str:
        """The address without what follows a question mark: some servers take a key there."""
        return urlunsplit((*urlsplit(self.address)[:3], "", ""))

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise UsageError("vlm: expected openai:MODEL, got no model; name one the server has")
        if not 0 < self.deadline <= 600:
            raise UsageError(
                f"vlm-deadline: expected seconds above 0 and up to 600, got {self.deadline:g}; choose others"
            )
        if self.url is None:
            return
        url = self.url.strip()
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            good = None
        if not good or "@" in url or " " in url or not url.isprintable():
            raise UsageError(
                "vlm-url: expected http(s)://HOST[:PORT]/v1 without a name or password in it, got another "
                f"URL; give a key in {KEY} instead"
            )
        # Often the address of questions is given, as servers print it: the API's is what stands before.
        path = parts.path.rstrip("/").removesuffix("/chat/completions")
        object.__setattr__(self, "url", urlunsplit(parts._replace(path=path, fragment="")))
