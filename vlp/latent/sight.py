"""Sight by the learned VLM: a goal is reached where it says so of the picture; places are not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from executors.follow.frames import distance
from tasks.domain import Scene, UnknownInstruction
from video.latent.text import MAX_TOKENS
from vlp.vlm.latent.vlm import LatentVLM

Frames = NDArray[np.uint8]
ANOTHER: Final = 0.003
"""Share of pixels that differ where something was moved."""
ALIKE: Final = 0.006
"""Share of pixels that differ within which two pictures show one end."""
SURE: Final = 0.3
"""Chance of success at which a goal is surely reached; half of it is what seems so. It is told of all moments
of a demonstration, of which hardly one is the end: all of 23 ends of held-out demonstrations came to 0.3,
and none of 288 other moments (docs/latent.md)."""


def as_said(words: str) -> str:
    """Words without what does not change them."""
    return " ".join(words.lower().split()).removesuffix(".").rstrip()


def too_long(words: str, unread: int) -> str:
    """Why words are refused of which so many tokens would not be heard."""
    return (
        f"expected what these models can read, words of at most {MAX_TOKENS} tokens, got "
        f"{MAX_TOKENS + unread}, of which the last {unread} would not be heard: {words!r:.200}; ask for less "
        "at a time"
    )


@dataclass(frozen=True)
class WordsGoal:
    """A goal that is known by its words alone."""

    text: str
    relative: bool = False
    heard: str = ""

    @property
    def name(self) -> str:
        """For logs."""
        return self.text


class LatentSight:
    """See tasks.domain.Sight.

    Args:
        vlm: says whether a goal is reached.
        actions: A, numbers of a set point.
        read: words in the one form in which the dataset has them. Raises UnknownInstruction.
    """

    def __init__(self, vlm: LatentVLM, actions: int, read: Callable[[str], str] = as_said) -> None:
        self._vlm, self._actions, self._read = vlm, actions, read

    def scene(self, frame: Frames) -> Scene:
        """Nothing has a name and a place."""
        return {}

    def understand(self, words: str, scene: Scene) -> WordsGoal:
        """See Sight."""
        if not words.strip():
            raise UnknownInstruction("expected words, got nothing")
        text = self._read(words)
        if unread := self._vlm.unread(text):
            raise ValueError(too_long(text, unread))  # it is understood; other words for it are not wanted
        return WordsGoal(text)

    def check_subgoal(self, words: str) -> None:
        """Raises ValueError for no words."""
        if not words.strip():
            raise ValueError("expected what is to be done next, got nothing")
        if unread := self._vlm.unread(words):
            raise ValueError(too_long(words, unread))

    def reached(self, goal: Any, observation: Mapping[str, Any], *, surely: bool) -> bool:
        """See Sight."""
        return self._vlm.chance(np.asarray(observation["rgb"]), goal.text) >= (SURE if surely else SURE / 2)

    def look_closer(self, goal: Any, observation: Mapping[str, Any]) -> bool | None:
        """Nobody looks closer."""
        return None

    def moved(self, before: Frames, now: Frames) -> str:
        """See Sight."""
        far = distance(before, now)
        return f"{far:.1%} of the pixels are others" if far > ANOTHER else ""

    def distinct(self, frames: Frames) -> list[int]:
        """See Sight."""
        found: list[int] = []
        for number, frame in enumerate(frames):
            if all(distance(frame, frames[other]) > ALIKE for other in found):
                found.append(number)
        return found

    def changes(self, before: Frames, after: Frames) -> list[str]:
        """See Sight: how much of the picture."""
        return [
            f"{distance(one, other):.1%} of the picture" for one, other in zip(before, after, strict=True)
        ]

    def target(self, frame: Frames) -> NDArray[np.float32]:
        """Not known: the middle of what numbers can be."""
        return np.zeros(self._actions, np.float32)
