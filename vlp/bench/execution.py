"""Execution of the episodes that a log does not hold yet."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, cast

from vlp.bench.engines import Engine, processes
from vlp.bench.episode import Episode
from vlp.bench.line import Line, identity
from vlp.bench.log import EpisodeLog
from vlp.domains.base import domain
from vlp.models.weights import digest


class EpisodeWatcher(Protocol):
    """Is told how far it is."""

    def begin(self, known: int, left: int) -> None:
        """Before the first episode: how many are in the log already, and how many are left to run."""
        ...

    def ended(self, line: Line) -> None:
        """After each episode, once it is in the log."""
        ...


class Silent:
    """Tells no one."""

    def begin(self, known: int, left: int) -> None: ...

    def ended(self, line: Line) -> None: ...


def run_all(
    episodes: Sequence[Episode],
    log: EpisodeLog,
    *,
    weights: Path,
    workers: int = 2,
    engine: Engine = processes,
    watcher: EpisodeWatcher | None = None,
) -> list[Line]:
    """The lines of the episodes, in their order; those that `log` does not hold are run and appended.

    Raises WeightsError before anything is run, and what the engine raises.
    """
    watcher, hashes = watcher or Silent(), domain().verify(weights)
    keys = [identity(episode.head(digest(hashes, episode.runs_on))) for episode in episodes]
    left = {key: episode for key, episode in zip(keys, episodes, strict=True) if key not in log.lines}
    watcher.begin(len(set(keys)) - len(left), len(left))
    if left:
        # Closed as soon as this block is left, however it is: workers do not outlive it.
        with closing(cast(Any, engine(list(left.values()), weights, workers))) as results:
            for episode, measured in results:
                line = {**episode.head(digest(hashes, episode.runs_on)), **measured}
                log.append(line)
                watcher.ended(line)
    return [log.lines[key] for key in keys]
