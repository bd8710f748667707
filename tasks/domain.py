"""What a world is to the agent: goals, scenes, limits, and sight. Nothing here knows any one world.

The whole of a world, with its robots and models, is `vlp.domains.base.Domain`, since those types lie higher.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

CONTROL_HZ: Final = 10
"""Control steps a second: the agent's clock, in every world."""
CLIP_STRIDE: Final = 6
"""Control steps from a frame of a clip to the next."""
Frame = NDArray[np.uint8]
"""A picture uint8 [H, W, 3]."""
Scene = Mapping[str, Sequence[float]]
"""What is seen in a picture, by name: numbers that only the world reads (where a thing is, in metres, say).
Ready for JSON: a run keeps the scene that it began on."""


class UnknownInstruction(ValueError):
    """Words that a world gives no meaning; the message has near misses, if there are any."""


class AmbiguousInstruction(UnknownInstruction):
    """Words that have several meanings in a scene; the message has them all."""

    def __init__(self, text: str, readings: Sequence[str]) -> None:
        self.readings = tuple(readings)
        """Each in words that have this one meaning."""
        super().__init__(f'expected one meaning, got several for "{text:.80}": {"; or ".join(self.readings)}')

    def __reduce__(self) -> tuple[Callable[..., AmbiguousInstruction], tuple[object, ...]]:
        return _again, (str(self), self.readings)


def readings_of(error: Exception) -> tuple[str, ...]:
    """The meanings of what an error is about, where it has several."""
    return error.readings if isinstance(error, AmbiguousInstruction) else ()


def _again(message: str, readings: Sequence[str]) -> AmbiguousInstruction:
    """The error as it was, in another process."""
    found = AmbiguousInstruction("", readings)
    found.args = (message,)
    return found


class ImpossibleInstruction(ValueError):
    """Words that are understood, and can't come true in this scene; the message says why."""


class UnknownRule(ValueError):
    """A standing rule that a world gives no meaning."""


class Goal(Protocol):
    """What is asked of a scene."""

    @property
    def text(self) -> str:
        """The goal in plain words, as the models are told it."""
        ...

    @property
    def name(self) -> str:
        """Of the kind of task, for logs."""
        ...

    @property
    def heard(self) -> str:
        """Which words were taken for which others, such as typos; empty where none were."""
        ...

    @property
    def relative(self) -> bool:
        """Whether it says how things are to change from the scene on which it was asked, such as "a little
        to the left": a score that was counted from an earlier scene is not one of it."""
        ...


@runtime_checkable
class Stepwise(Protocol):
    """A goal that is done step by step."""

    step: int
    """The one that is worked at, from 0."""


class Rule(Protocol):
    """One standing rule."""

    @property
    def text(self) -> str:
        """As it was said."""
        ...


class Rules(Protocol):
    """Standing rules of an operator, all of which hold."""

    def __iter__(self) -> Iterator[Any]:
        """Each a `Rule`."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Limits:
    """What a robot's set point [A] may do. Raises ValueError for bounds in the wrong order."""

    low: tuple[float, ...]
    """[A] lowest set point, metres."""
    high: tuple[float, ...]
    """[A] highest."""
    max_step: float
    """Metres a control step in each axis; the largest, where axes differ."""
    control_hz: float = CONTROL_HZ
    """Control steps a second."""
    steps: tuple[float, ...] = ()
    """[A] of each axis its own, where they differ, as joints do."""
    names: tuple[str, ...] = ()
    """[A] of the axes; none: x, y, z."""
    unit: str = "m"
    """In which all these are, as messages say it."""

    def __post_init__(self) -> None:
        good = len(self.low) == len(self.high) and all(
            a < b for a, b in zip(self.low, self.high, strict=True)
        )
        good &= len(self.steps) in (0, len(self.low)) and all(
            0 < step <= self.max_step for step in self.steps
        )
        good &= len(self.names) in (0, len(self.low))
        if not (self.low and good and self.max_step > 0 and self.control_hz > 0):
            raise ValueError(f"expected low below high in each axis, a step and a rate above 0, got {self}")

    @property
    def size(self) -> int:
        """A, numbers of an action."""
        return len(self.low)

    @property
    def most(self) -> tuple[float, ...]:
        """[A], the longest step in each axis."""
        return self.steps or (self.max_step,) * self.size


class UnsoundSubgoal(ValueError):
    """A subgoal that can't be carried out; says why."""


@dataclass(frozen=True, kw_only=True)
class Language:
    """Words in which a world's subgoals are said: what a VLM that was not trained on it is told."""

    system: str
    """What is seen and what the robot can do."""
    forms: str
    """Subgoals that are understood, a line each."""
    act: str
    """What one subgoal is, such as "push"."""
    acts: str
    """Several of them."""
    steps: int
    """Control steps that one takes."""
    scene: str
    """Where the things are, such as "table"."""
    things: str
    """What those are, such as "blocks"."""
    state: str
    """What a picture shows, such as "a board"."""
    sees: Callable[[NDArray[np.uint8]], Sequence[Sequence[str]]]
    """Pictures [N, H, W, 3] to the names of what is seen in each."""
    sound: Callable[[str, Sequence[str]], str]
    """A subgoal in its one form, given the names of what is there. Raises UnsoundSubgoal."""
    every: Callable[[tuple[str, ...]], tuple[str, ...]]
    """Every subgoal there is, given the names of what is there."""
    mentioned: Callable[[str], tuple[str, ...]]
    """Names that words speak of."""

    def seen_by(self, sees: Callable[[NDArray[np.uint8]], Sequence[Sequence[str]]]) -> Language:
        """The same, with these eyes."""
        return replace(self, sees=sees)


class Sight(Protocol):
    """What a world's camera tells, by models or by whatever the world has for eyes."""

    def scene(self, frame: Frame) -> Scene:
        """What is seen."""
        ...

    def understand(self, words: str, scene: Scene) -> Goal:
        """The goal that words set on a scene. Raises UnknownInstruction, and ValueError for what is
        understood and can't be done there."""
        ...

    def check_subgoal(self, words: str) -> None:
        """Raises ValueError for words that are no subgoal."""
        ...

    def reached(self, goal: Goal, observation: Mapping[str, Any], *, surely: bool) -> bool:
        """Whether a goal is seen reached in an observation ("rgb" uint8 [H, W, 3], and what else the robot
        says); surely: also when all is off by as much as this sight errs, else as it seems."""
        ...

    def look_closer(self, goal: Goal, observation: Mapping[str, Any]) -> bool | None:
        """Whether a goal that seems reached is, after a longer look than `reached` takes; None where it does
        not even seem so, or nobody looks closer."""
        ...

    def moved(self, before: Frame, now: Frame) -> str:
        """What is elsewhere than in an earlier picture, in words; empty where nothing is."""
        ...

    def distinct(self, frames: NDArray[np.uint8]) -> list[int]:
        """Of pictures [N, H, W, 3] the numbers of those that show different ends, each one's first."""
        ...

    def changes(self, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> list[str]:
        """For pairs of pictures [N, H, W, 3] what moves from one to the other, in words."""
        ...

    def target(self, frame: Frame) -> NDArray[np.float32]:
        """Where the robot's set point [A] is taken to be in a picture of which the robot said nothing."""
        ...
