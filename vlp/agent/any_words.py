"""Any words: instructions that a world's own grammar does not know, read by a VLM, and kept as they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from tasks.domain import Frame, Goal, Scene, Sight

Program = Mapping[str, Any]
"""A goal as data, ready for JSON: what is kept of it, and read again after a crash."""


class AnyWords(Protocol):
    """Reads instructions in any words. What it makes of them is read back before anything moves."""

    def write(self, words: str, scene: Scene, frame: Frame, sight: Sight) -> Program:
        """The goal that words set on a scene, of which the frame uint8 [H, W, 3] is a picture; `sight` has
        the rules that it must not be against. Raises ModelError where nobody answers, and ValueError where
        no answer is a goal that can be had there."""
        ...

    def goal(self, program: Program, scene: Scene, sight: Sight) -> Goal:
        """The goal that was written. Raises ValueError as `write` does: what was kept is not trusted."""
        ...
