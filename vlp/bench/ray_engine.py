"""Ray engine: episodes on this machine, or on the cluster that RAY_ADDRESS names."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vlp.bench.episode import Episode
from vlp.bench.line import Line
from vlp.bench.ray_available import check_ray
from vlp.bench.worker import Worker
from vlp.errors import UsageError, VlpError


def run(episodes: Sequence[Episode], weights: Path, workers: int) -> Iterator[tuple[Episode, Line]]:
    """Run episodes in Ray actors, one a worker; `weights` is a folder that every node has.

    Raises UsageError where Ray is not there or has too few CPUs, VlpError when an actor dies.
    """
    check_ray()
    ray = _connect(workers)
    try:
        cores = int(ray.cluster_resources().get("CPU", 0))
        if workers > cores:
            raise UsageError(f"workers: expected at most Ray's {cores} CPUs, got {workers}; choose fewer")
        threads = cores // workers
        actor = ray.remote(num_cpus=threads)(Worker)
        actors = [actor.remote(weights.absolute(), threads) for _ in range(workers)]
        yield from _results(ray, actors, list(reversed(episodes)))
    except ray.exceptions.RayActorError as error:
        raise VlpError(
            "expected every Ray actor to live to the end, got one that died; "
            "run the same command again to go on, with fewer --workers"
        ) from error
    finally:
        ray.shutdown()


def _results(ray: Any, idle: list[Any], left: list[Episode]) -> Iterator[tuple[Episode, Line]]:
    """Each actor has one episode at a time, so that none waits behind a long one; the last is run first."""
    busy: dict[Any, tuple[Any, Episode]] = {}
    while left or busy:
        while left and idle:
            actor, episode = idle.pop(), left.pop()
            busy[actor.run.remote(episode)] = (actor, episode)
        (done,), _ = ray.wait(list(busy), num_returns=1)
        actor, episode = busy.pop(done)
        idle.append(actor)
        yield episode, ray.get(done)


def _connect(workers: int) -> Any:
    """Ray's module, connected; a Ray of its own on this machine where RAY_ADDRESS names none."""
    # Read when Ray is imported: no statistics are sent, and devices stay as they are set.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    ray: Any = importlib.import_module("ray")
    on_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    address = os.environ.get("RAY_ADDRESS")
    sizes = {} if address else {"num_cpus": max(workers, os.cpu_count() or 1), "include_dashboard": False}
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **sizes)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UsageError(f"engine: expected a Ray to connect to, got: {error}; check RAY_ADDRESS") from error
    finally:
        if on_main and handler is not None:
            signal.signal(signal.SIGTERM, handler)  # Ray puts its own in place
    return ray
