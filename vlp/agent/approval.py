"""Approval: what an operator may say of a plan before anything moves, and how it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from planner import Amendment, Search
from vlp.errors import UsageError

Say = Literal["approve", "amend", "stop"]


@dataclass(frozen=True)
class Answer:
    """Of an operator, to one plan. Raises UsageError for one that says nothing sensible."""

    say: Say
    rejected: Mapping[int, str] = field(default_factory=dict)
    """Branches by their node ids, with the reason."""
    edited: tuple[int, str] | None = None
    """A branch and what its subgoal is to say instead."""
    picked: int | None = None
    """A branch that the plan has to go through."""
    reason: str = ""
    """Why it is stopped, or who approved it."""

    def __post_init__(self) -> None:
        changes = bool(self.rejected or self.edited or self.picked is not None)
        if self.say not in ("approve", "amend", "stop") or changes != (self.say == "amend"):
            raise UsageError(
                f"answer: expected approve, stop, or amend with branches to reject, edit or pick, got {self}"
            )

    @classmethod
    def approve(cls, by: str = "") -> Answer:
        """Act on the plan; `by`: who says so."""
        return cls("approve", reason=by and f"approved by {by}")

    @classmethod
    def stop(cls, reason: str = "stopped by the operator") -> Answer:
        """End the run; nothing moves."""
        return cls("stop", reason=reason)

    @classmethod
    def reject(cls, nodes: Mapping[int, str]) -> Answer:
        """Search on without these branches; they are kept, with the reason."""
        return cls("amend", rejected=dict(nodes))

    @classmethod
    def edit(cls, node: int, words: str) -> Answer:
        """Imagine a branch anew under other words, and go through it."""
        return cls("amend", edited=(node, words))

    @classmethod
    def pick(cls, node: int) -> Answer:
        """Go through another branch."""
        return cls("amend", picked=node)

    @property
    def amendment(self) -> Amendment:
        """For `planner.search`."""
        return Amendment(rejected=self.rejected, edited=self.edited, picked=self.picked)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, for a checkpoint."""
        return {**asdict(self), "rejected": {str(node): why for node, why in self.rejected.items()}}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Answer:
        """What `as_dict` gave."""
        edited = kept.get("edited")
        return cls(
            kept["say"],
            {int(node): why for node, why in kept.get("rejected", {}).items()},
            None if edited is None else (int(edited[0]), str(edited[1])),
            kept.get("picked"),
            kept.get("reason", ""),
        )


def check(answer: Answer, found: Search, check_subgoal: Callable[[str], None]) -> None:
    """Raises ValueError for branches that the search has not, and for words that are no subgoal."""
    answer.amendment.check(found.tree)
    if answer.edited is not None:
        try:
            check_subgoal(answer.edited[1])
        except ValueError as error:
            raise UsageError(f"edit: {error}") from error
