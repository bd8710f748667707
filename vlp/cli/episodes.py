"""Shared parts of commands that run many episodes: limits, and what is said when they are broken off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vlp.errors import UsageError

MOST_EPISODES = 100_000
MOST_WORKERS = 1024


def check_range(name: str, value: int, low: int, high: int) -> None:
    """Raises UsageError for a value out of its range."""
    if not low <= value <= high:
        raise UsageError(f"{name}: expected {low} to {high}, got {value}; choose one in this range")


def check_episodes(episodes: int, first_seed: int, workers: int) -> None:
    """Raises UsageError for a number that makes no sense."""
    check_range("episodes", episodes, 1, MOST_EPISODES)
    check_range("first seed", first_seed, 0, 2**31 - 1 - episodes)
    check_range("workers", workers, 1, MOST_WORKERS)


@contextmanager
def explained(log: Path) -> Iterator[None]:
    """Says how a command that is broken off goes on."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as error:
        error.add_note(f"what has ended is in {log}; the same command goes on from there")
        raise
