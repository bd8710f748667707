"""Getting ready: what a person sees while libraries and models load, which takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def getting_ready(words: str) -> Iterator[None]:
    """Inside, stderr says what is being waited for: a spinner on a terminal, else one line."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(f"{words} ..."):
            yield
    else:
        console.print(words, markup=False, highlight=False)
        yield
