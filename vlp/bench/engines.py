"""Engines: episodes in this process, in several, or over Ray. Results come as they are ready."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Final

from tasks import signals
from vlp.bench.episode import Episode
from vlp.bench.line import Line
from vlp.bench.names import EngineName
from vlp.bench.worker import Worker
from vlp.errors import VlpError

Result = tuple[Episode, Line]
Engine = Callable[[Sequence[Episode], Path, int], Iterator[Result]]
"""Episodes, a weights folder and the number of workers to results, in the order in which they end."""

_worker: Worker | None = None


def processes(episodes: Sequence[Episode], weights: Path, workers: int) -> Iterator[Result]:
    """Run episodes in as many processes on this machine; a single worker is this process.

    Raises VlpError when one of them dies.
    """
    if workers == 1:
        here = Worker(weights, os.cpu_count() or 1)
        yield from ((episode, here.run(episode)) for episode in episodes)
        return
    threads = max(1, (os.cpu_count() or 1) // workers)
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _start, (weights, threads))
    try:
        waiting = {pool.submit(_run, episode): episode for episode in episodes}
        for done in as_completed(waiting):
            yield waiting[done], done.result()
    except BrokenProcessPool as error:
        raise VlpError(
            "expected every worker to live to the end, got one that died, for lack of memory perhaps; "
            "run the same command again to go on, with fewer --workers"
        ) from error
    except BaseException:
        # Whoever leaves early does not want to wait until the episodes under way have ended.
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _start(weights: Path, threads: int) -> None:
    global _worker
    signals.leave_to_parent()
    _worker = Worker(weights, threads)


def _run(episode: Episode) -> Line:
    assert _worker is not None, "expected _start to have run in this process"
    return _worker.run(episode)


def over_ray(episodes: Sequence[Episode], weights: Path, workers: int) -> Iterator[Result]:
    """Run episodes in Ray actors, see `vlp.bench.ray_engine`."""
    from vlp.bench.ray_engine import run

    return run(episodes, weights, workers)


ENGINES: Final[dict[EngineName, Engine]] = {"process": processes, "ray": over_ray}
