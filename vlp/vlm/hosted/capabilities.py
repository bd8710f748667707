"""Capabilities of a server. Nothing is assumed: it is asked for, and what the server refuses,
or silently leaves out, is not asked for again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from vlp.vlm.hosted.replies import schema

_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "logprobs": ("logprob",),
    "json_schema": ("response_format", "json_schema", "schema", "structured", "guided"),
    "json_object": ("response_format", "json_object"),
    "n": ("'n'", '"n"', "`n`", "n>1", "n > 1", "best_of"),
    "seed": ("seed",),
    "max_tokens": ("max_tokens",),
    "temperature": ("temperature",),
}
"""What a server's complaint about a feature speaks of; in the order in which they are given up where it
speaks of none."""


class Capabilities:
    """Features that are still asked for. `json_object` is what is left where a schema is refused."""

    def __init__(self) -> None:
        self._gone: set[str] = set()

    def __contains__(self, feature: str) -> bool:
        return feature not in self._gone

    def give_up(self, feature: str) -> None:
        """Do not ask for it again."""
        self._gone.add(feature)

    def refused(self, complaint: str, request: Mapping[str, Any], *, guess: bool = True) -> bool:
        """Give up what a server's complaint about a request is about, or the next thing where it does not say
        and we may `guess`; False where nothing is left to give up. What another question at the same time
        made us give up already counts as well."""
        used = self._used(request)
        if any(feature in self._gone for feature in used):
            return True
        said = complaint.lower()
        named = [feature for feature in used if any(word in said for word in _WORDS[feature])]
        if not (named or (used and guess)):
            return False
        self.give_up((named or used)[0])
        return True

    def as_dict(self) -> dict[str, bool]:
        """Feature -> whether it has not been refused; for result.json."""
        return {feature: feature not in self._gone for feature in _WORDS}

    def request(
        self, *, n: int, kind: type[BaseModel] | None, most: int, temperature: float, seed: int | None
    ) -> dict[str, Any]:
        """The parameters beside model and messages. `kind`: of the JSON asked for; None asks for digits with
        their log-probabilities."""
        found: dict[str, Any] = {}
        if "n" in self and n > 1:
            found["n"] = n
        if kind is None:
            found |= {"logprobs": True, "top_logprobs": 20}
        elif "json_schema" in self:
            found["response_format"] = schema(kind)
        elif "json_object" in self:
            found["response_format"] = {"type": "json_object"}
        if "seed" in self and seed is not None:
            found["seed"] = seed
        found["max_tokens" if "max_tokens" in self else "max_completion_tokens"] = most
        if "temperature" in self:
            found["temperature"] = temperature
        return found

    @staticmethod
    def _used(request: Mapping[str, Any]) -> list[str]:
        form = request.get("response_format", {}).get("type")
        return [feature for feature in _WORDS if feature in request or feature == form]
