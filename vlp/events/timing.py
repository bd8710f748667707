"""Timing of each part: wrappers that add up the seconds of every call."""

from __future__ import annotations

import time
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Stopwatch:
    """Seconds by part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def wrap(self, part: str, inner: T) -> T:
        """The same object, its public methods timed under the name of the part."""
        return cast(T, _Timed(self, part, inner))

    def add(self, part: str, seconds: float) -> None:
        """Add to a part's seconds."""
        self.seconds[part] = self.seconds.get(part, 0.0) + seconds


class _Timed:
    def __init__(self, watch: Stopwatch, part: str, inner: Any) -> None:
        self._watch, self._part, self._inner = watch, part, inner

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if not callable(value):
            return value

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return value(*args, **kwargs)
            finally:
                self._watch.add(self._part, time.perf_counter() - start)

        return timed
