"""A chat completion, as far as it is read.

Only the answer must be right. What stands around it (thoughts, counts of tokens, chances) is read where it is
as it should be, and is otherwise as if it were not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import from_json

from vlp.vlm.hosted.words import words


class UnusableReply(ValueError):
    """A reply that can't be used; says why in a few words."""


class CutOff(UnusableReply):
    """A reply that ended where the tokens did."""


class WrongObject(UnusableReply):
    """A reply with such an object as was asked for, in which something is wrong."""


class Complaint(UnusableReply):
    """An error in the place of a reply, with the status of one."""


class _Lenient(BaseModel):
    """Servers add fields of their own: only what is read here must be right."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def _or_none(value: Any, validated: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validated(value)
    except ValidationError:
        return None


OrNone: Final = WrapValidator(_or_none)
"""What is not as it should be is as if it were not there."""


class Alternative(_Lenient):
    token: str
    logprob: float


def _usable(found: Any) -> list[Any]:
    """Of the alternatives those that have a chance: some servers give null for none."""
    listed = found if isinstance(found, list) else []
    return [
        other
        for other in listed
        if isinstance(other, Mapping) and isinstance(other.get("logprob"), int | float)
    ]


class TokenChances(_Lenient):
    token: str
    top_logprobs: Annotated[list[Alternative], BeforeValidator(_usable)] = []


class Chances(_Lenient):
    content: Annotated[list[TokenChances] | None, OrNone] = None


class Message(_Lenient):
    content: str | None = None
    """The text of all its parts."""
    thought: str = ""
    """What it says to itself: in a part or a field of its own, which every server names otherwise."""
    refusal: Annotated[str | None, OrNone] = None

    @model_validator(mode="before")
    @classmethod
    def _joined(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        content, asides = given.get("content"), [given.get(field) for field in _ASIDES]
        thoughts = [_text(content, thought=True), *map(_text, asides)]
        refusal = given.get("refusal")
        if isinstance(content, list | Mapping):
            refusal = refusal or next(
                (part["refusal"] for part in _parts(content) if part.get("refusal")), None
            )
            content = _text(content) or _as_json(content)
        return {"content": content, "thought": "\n".join(filter(None, thoughts)), "refusal": refusal}


_ASIDES: Final = ("reasoning_content", "reasoning", "thinking")
_THOUGHTS: Final = ("thinking", "reasoning", "thought")


def _parts(content: Any) -> list[Mapping[str, Any]]:
    listed = content if isinstance(content, list) else [content]
    return [
        {"text": part} if isinstance(part, str) else part
        for part in listed
        if isinstance(part, str | Mapping)
    ]


def _text(content: Any, *, thought: bool = False) -> str:
    """What the parts of a message say, or what those that are a thought do."""
    if isinstance(content, str):
        return "" if thought else content
    said = []
    for part in _parts(content):
        kind = next((kind for kind in _THOUGHTS if part.get("type") == kind or kind in part), None)
        if kind is None and not thought:
            text = part.get("text")
            said.append(text.get("value") if isinstance(text, Mapping) else text)
        elif kind is not None and thought:
            said.append(_text(part.get(kind)) or part.get("text"))
    return "".join(text for text in said if isinstance(text, str))


def _as_json(content: Any) -> str:
    """An answer that the server took apart already."""
    return json.dumps(content) if isinstance(content, Mapping) and "type" not in content else ""


class Choice(_Lenient):
    message: Annotated[Message, BeforeValidator(lambda given: {} if given is None else given)] = Message()
    finish_reason: Annotated[str | None, OrNone] = None
    logprobs: Annotated[Chances | None, OrNone] = None
    error: Any = None


class Usage(_Lenient):
    prompt_tokens: int = Field(ge=0, le=10**9)
    completion_tokens: int = Field(ge=0, le=10**9)


class Completion(_Lenient):
    """A chat completion, as far as it is read."""

    choices: list[Choice]
    usage: Annotated[Usage | None, OrNone] = None


Answer = TypeVar("Answer")
Read = Callable[[Choice], Answer]
"""From a choice to what is asked for; raises UnusableReply."""


def completion(body: bytes) -> Completion:
    """The reply in an HTTP body. Raises UnusableReply."""
    try:
        given = from_json(body.removeprefix(b"\xef\xbb\xbf"))
        if isinstance(given, Mapping) and given.get("error") and not given.get("choices"):
            raise Complaint(f"the server says: {words(given['error'])}")
        found = Completion.model_validate(given)
    except ValidationError as error:
        raise UnusableReply(f"it is no chat completion ({first_fault(error)}): {words(given)}") from error
    except Complaint:
        raise
    except ValueError as error:  # no JSON
        said = words(body.decode(errors="replace"))
        raise UnusableReply(f"it is no chat completion ({error}): {said}") from error
    if not found.choices:
        raise UnusableReply("it has no choices")
    return found


def whole(choice: Choice) -> None:
    """Raises UnusableReply for a choice that was refused, cut off or broken off."""
    if choice.message.refusal:
        raise UnusableReply(f"the model refused: {choice.message.refusal}")
    if choice.error:
        raise UnusableReply(f"the server says: {words(choice.error)}")
    reason = (choice.finish_reason or "").lower()
    if reason in ("length", "max_tokens", "model_length"):
        raise CutOff(f"it was cut off ({reason})")
    if reason in ("content_filter", "safety"):
        raise UnusableReply(f"it was cut off ({reason})")


def text(choice: Choice) -> str:
    """What a choice says. Raises UnusableReply for one that was refused, cut off or is empty."""
    whole(choice)
    if not (choice.message.content or "").strip():
        raise UnusableReply("it is empty")
    return choice.message.content or ""


def first_fault(error: ValidationError) -> str:
    """What is wrong first, without what was given."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    said = f"{where}: {first['msg']}" if where else str(first["msg"])
    return said
