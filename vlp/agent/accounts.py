"""Accounts of models that are not bundled: what they cost and left out, told as events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vlp.events.types import Events, ModelUsed
from vlp.vlm.account import Accounted


class Accounts:
    """Of the models of one run.

    Args:
        models: that keep account; none of the bundled ones does.
        events: who is told.
    """

    def __init__(self, models: Sequence[Accounted], events: Events) -> None:
        self._models, self._events = models, events

    def tell(self, decision: int) -> None:
        """One event a model: what it has cost so far, and what was dropped since the last one."""
        for model in self._models:
            self._events.emit(
                ModelUsed(
                    time=self._events.now(),
                    decision=decision,
                    model=str(model.account().get("model", "")),
                    spent=model.spent(),
                    notes=tuple(f"{note.what}: {note.text} ({note.reason})" for note in model.notes()),
                )
            )

    def as_list(self) -> list[Mapping[str, Any]]:
        """For result.json."""
        return [model.account() for model in self._models]
