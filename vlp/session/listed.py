"""List options: said once or again and again, what is given adds up.

tyro by itself lets the last of `--rule A --rule B` win, and takes a bare `--rule` for none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, Final, TypeVar, get_args

from tyro.conf import arg
from tyro.constructors import PrimitiveConstructorSpec

T = TypeVar("T")


class GivenValues(tuple[T, ...]):
    """The values of one occurrence of an option."""


def one_or_more(metavar: str, kind: Callable[[str], object] = str) -> PrimitiveConstructorSpec[Any]:
    """One occurrence of an option with one or more values.

    To be used as `UseAppendAction[tuple[Annotated[T, one_or_more("NAME")], ...]]` with the default (), which
    tyro asks for, in a command that goes through `added_up` once it is parsed.

    Args:
        metavar: what a value is called in the help.
        kind: makes a value of its text; raises ValueError.
    """

    def read(texts: list[str]) -> GivenValues[object]:
        if not texts:
            raise ValueError(
                f"expected {metavar} after it, got nothing; give one or more, or leave the option out"
            )
        return GivenValues(map(kind, texts))

    return PrimitiveConstructorSpec(
        nargs="*",
        metavar=f"{metavar} [{metavar} ...]",
        instance_from_str=read,
        is_instance=lambda value: not isinstance(value, GivenValues),
        str_from_instance=lambda value: [str(value)],
    )


def one_or_more_of(names: object) -> PrimitiveConstructorSpec[Any]:
    """One occurrence of an option with one or more of the names of a Literal."""
    spec = one_or_more("{" + ",".join(get_args(names)) + "}")
    return replace(spec, choices=get_args(names))


HINT: Final = arg(help_behavior_hint="")
"""The docstring says what the default, (), stands for."""


def added_up(command: T) -> T:
    """A parsed command whose lists hold all that was given for them, in its order."""
    changed = {
        option.name: _flat(value)
        for option in fields(command)  # type: ignore[arg-type]
        if isinstance(value := getattr(command, option.name), tuple)
    }
    return replace(command, **changed)  # type: ignore[type-var]


def _flat(values: Sequence[object]) -> tuple[object, ...]:
    return tuple(one for value in values for one in (value if isinstance(value, GivenValues) else (value,)))
