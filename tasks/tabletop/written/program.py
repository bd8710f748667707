"""A written program: its JSON, and the goal that it is on a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from tasks.domain import ImpossibleInstruction
from tasks.tabletop.goals.goal import BoardGoal, goal_of_steps
from tasks.tabletop.written.relations import AnyRelation
from tasks.tabletop.written.sets import Strict, Table, Unsound

MOST_STEPS: Final = 4
MOST_RELATIONS: Final = 16
"""Of all steps: a place for each block there is."""


class Written(Strict):
    """What is to be true of the table: relations that hold together, in one step or in several that follow
    each other. Or nothing, and why it can't be said."""

    steps: Annotated[
        list[Annotated[list[AnyRelation], Field(min_length=1, max_length=MOST_RELATIONS)]],
        Field(max_length=MOST_STEPS),
    ]
    cannot: Annotated[str, Field(max_length=300)] = ""
    """Why the instruction can't be said with these relations; empty where it is."""

    @model_validator(mode="after")
    def _whole(self) -> Written:
        if bool(self.steps) == bool(self.cannot.strip()):
            raise ValueError("expected steps, or why there can be none")
        if (count := sum(map(len, self.steps))) > MOST_RELATIONS:
            raise ValueError(f"expected at most {MOST_RELATIONS} relations, got {count}")
        return self

    @classmethod
    def model_json_schema(cls, *args: Any, **more: Any) -> dict[str, Any]:
        """As pydantic's, but with the keyword for alternatives that every server of structured output
        knows."""
        plain: dict[str, Any] = _with_any_of(BaseModel.model_json_schema.__func__(cls, *args, **more))  # type: ignore[attr-defined]
        return plain


def _with_any_of(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_with_any_of(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _with_any_of(value) for name, value in schema.items() if name != "discriminator"}
    return {("anyOf" if name == "oneOf" else name): value for name, value in kept.items()}


def goal_of(
    written: Written, blocks: Mapping[str, NDArray[np.float64]], *, heard: str = "", said: str = ""
) -> BoardGoal:
    """The goal that a program sets on a board, block name -> centre [2] in metres. heard: who read it so.

    Raises Unsound, in one line, for blocks that are not there, an empty set, a place off the board and what
    asks for nothing to be done, and ImpossibleInstruction for what can't come true.
    """
    table = Table(blocks)
    try:
        steps = [tuple(dict.fromkeys(relation.of(table) for relation in step)) for step in written.steps]
        return goal_of_steps(steps, blocks, table.everyone, heard=heard, said=said)
    except (Unsound, ImpossibleInstruction):
        raise
    except ValueError as error:
        raise Unsound(str(error)) from error
