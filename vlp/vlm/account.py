"""Account of a model that is not bundled: what it was asked, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True)
class Note:
    """Something that a reader of the run should know."""

    what: str
    """ "dropped" (a subgoal that can't be carried out) or "fell back" (to the bundled model)."""
    text: str
    """The subgoal, or the part."""
    reason: str


@runtime_checkable
class Accounted(Protocol):
    """A model that keeps account."""

    def notes(self) -> list[Note]:
        """What there is to say since it was last asked."""
        ...

    def account(self) -> Mapping[str, Any]:
        """What the model is and what it has cost so far, for result.json."""
        ...

    def spent(self) -> str:
        """What it has cost so far, in words; empty where nothing is counted."""
        ...
