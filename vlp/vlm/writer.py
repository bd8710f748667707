"""Writer: a VLM that answers a question about a picture by an object of a given form."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

Reply = TypeVar("Reply", bound=BaseModel)


class Unfit(ValueError):
    """An answer that is not of the form asked for; says why, to be told to whoever gave it."""


class Writer(Protocol):
    """A VLM that writes objects."""

    def write(self, frame: NDArray[np.uint8], text: str, kind: type[Reply], *, turn: int) -> Reply:
        """The answer to a question about a frame uint8 [H, W, 3], as an object of a kind. turn: how often it
        was asked before. Raises Unfit, and ModelError where there is no answer."""
        ...

    def __str__(self) -> str:
        """Its name, for people."""
        ...
