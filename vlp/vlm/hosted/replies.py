"""Replies of a hosted VLM, as pydantic sees them. Everything else is an unusable reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vlp.vlm.hosted.completion import Choice, Read, UnusableReply, WrongObject, first_fault, whole
from vlp.vlm.hosted.found import after_thought, candidates

MOST_STEPS = 1500.0
"""Control steps of the longest episode: no board is further from its goal."""


class _Asked(BaseModel):
    """The schema asked for allows nothing else; what a model says beside it all the same is not read."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra={"additionalProperties": False})


class Subgoals(_Asked):
    """Pushes to do next, the most promising first."""

    subgoals: Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=64)]


class Steps(_Asked):
    """Control steps of 0.1 s left from each picture, in their order."""

    steps_to_go: list[Annotated[float, Field(ge=0, le=MOST_STEPS, allow_inf_nan=False)]]


class Success(_Asked):
    """Whether the goal is reached in the picture."""

    reached: bool
    why: Annotated[str, Field(max_length=500)] = ""


Reply = TypeVar("Reply", bound=BaseModel)


def json_reply(kind: type[Reply], wrong: Callable[[Reply], str | None] = lambda found: None) -> Read[Reply]:
    """Reads JSON of that kind, wherever in the reply a server or model put it: of several such objects the
    last that is right. `wrong`: what else is wrong with one."""

    def claims(value: Mapping[str, Any]) -> bool:
        return all(name in value for name, field in kind.model_fields.items() if field.is_required())

    def read(choice: Choice) -> Reply:
        whole(choice)
        said, thought = choice.message.content or "", choice.message.thought
        if not (said + thought).strip():
            raise UnusableReply("it is empty")
        # The answer is the last thing said; some servers take it for a part of the thought.
        faults: list[str] = []
        for value in reversed(candidates([after_thought(said), said, thought], claims)):
            try:
                found = kind.model_validate(value)
            except ValidationError as error:
                faults.append(first_fault(error))
                continue
            if (fault := wrong(found)) is None:
                return found
            faults.append(fault)
        name = kind.__name__.lower()
        if faults:
            raise WrongObject(f"expected {name} as JSON ({faults[0]})")
        raise UnusableReply(f"expected {name} as JSON (no such object in: {said.strip() or thought})")

    return read


def or_fault(kind: type[Reply]) -> Read[Reply | WrongObject]:
    """Reads JSON of that kind; one in which something is wrong is an answer too, to be told what it is."""
    read = json_reply(kind)

    def found(choice: Choice) -> Reply | WrongObject:
        try:
            return read(choice)
        except WrongObject as error:
            return error

    return found


def steps_of(count: int) -> Read[Steps]:
    """Reads steps-to-go of `count` pictures."""

    def wrong(found: Steps) -> str | None:
        got = len(found.steps_to_go)
        return None if got == count else f"expected {count} numbers, one a picture, got {got}"

    return json_reply(Steps, wrong)


def schema(kind: type[BaseModel]) -> dict[str, Any]:
    """The response format that asks for that kind."""
    return {
        "type": "json_schema",
        "json_schema": {"name": kind.__name__.lower(), "schema": kind.model_json_schema()},
    }
