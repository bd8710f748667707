"""What a hosted VLM may answer, as pydantic sees it. Everything else is an unusable reply."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MOST_STEPS = 1500.0
"""Control steps of the longest episode: no board is further from its goal."""


class UnusableReply(ValueError):
    """A reply that can't be used; says why in a few words."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Subgoals(_Strict):
    """Pushes to do next, the most promising first."""

    subgoals: Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=64)]


class Steps(_Strict):
    """Control steps of 0.1 s left from each picture, in their order."""

    steps_to_go: list[Annotated[float, Field(ge=0, le=MOST_STEPS, allow_inf_nan=False)]]


class Success(_Strict):
    """Whether the goal is reached in the picture."""

    reached: bool
    why: Annotated[str, Field(max_length=500)] = ""


class _Lenient(BaseModel):
    """Servers add fields of their own: only what is read here must be right."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Alternative(_Lenient):
    token: str
    logprob: float


class TokenChances(Alternative):
    top_logprobs: list[Alternative] = []


class Chances(_Lenient):
    content: list[TokenChances] | None = None


class Message(_Lenient):
    content: str | None = None
    refusal: str | None = None


class Choice(_Lenient):
    message: Message
    finish_reason: str | None = None
    logprobs: Chances | None = None


class Usage(_Lenient):
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)


class Completion(_Lenient):
    """A chat completion, as far as it is read."""

    choices: list[Choice]
    usage: Usage | None = None


Answer = TypeVar("Answer")
Read = Callable[[Choice], Answer]
"""From a choice to what is asked for; raises UnusableReply."""


def completion(body: bytes) -> Completion:
    """The reply in an HTTP body. Raises UnusableReply."""
    try:
        found = Completion.model_validate_json(body)
    except ValidationError as error:
        raise UnusableReply(f"it is no chat completion ({_first(error)})") from error
    if not found.choices:
        raise UnusableReply("it has no choices")
    return found


def text(choice: Choice) -> str:
    """What a choice says. Raises UnusableReply for one that was refused, cut off or is empty."""
    if choice.message.refusal:
        raise UnusableReply(f"the model refused: {choice.message.refusal[:80]}")
    if choice.finish_reason in ("length", "content_filter"):
        raise UnusableReply(f"it was cut off ({choice.finish_reason})")
    if not (choice.message.content or "").strip():
        raise UnusableReply("it is empty")
    return choice.message.content or ""


Reply = TypeVar("Reply", bound=BaseModel)


def json_reply(kind: type[Reply]) -> Read[Reply]:
    """Reads JSON of that kind, also from within prose or a fence, where a server knows no schema."""

    def read(choice: Choice) -> Reply:
        said = text(choice)
        found = re.search(r"\{.*\}", said, re.DOTALL)
        try:
            return kind.model_validate_json(found[0] if found else said)
        except ValidationError as error:
            raise UnusableReply(f"expected {kind.__name__.lower()} as JSON ({_first(error)})") from error

    return read


def steps_of(count: int) -> Read[Steps]:
    """Reads steps-to-go of `count` pictures."""

    def read(choice: Choice) -> Steps:
        found = json_reply(Steps)(choice)
        if len(found.steps_to_go) != count:
            raise UnusableReply(f"expected {count} numbers, one a picture, got {len(found.steps_to_go)}")
        return found

    return read


def schema(kind: type[BaseModel]) -> dict[str, Any]:
    """The response format that asks for that kind."""
    return {
        "type": "json_schema",
        "json_schema": {"name": kind.__name__.lower(), "schema": kind.model_json_schema()},
    }


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    said = f"{where}: {first['msg']}" if where else str(first["msg"])
    return " ".join(said.split())[:120]
