"""Whole episodes without a run folder, in parallel processes, appended a line each so that an
interrupted measurement goes on where it stopped."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from executors.robot import SimulatedRobot
from tasks.layout import Layout
from vlp.settings import Settings


class NoFolder:
    """Takes what a run folder takes and keeps none of it."""

    def save_decision(self, number: int, found: object, seconds: float) -> None: ...

    def save_acted(self, acted: object) -> None: ...

    def add_frame(self, rgb: NDArray[np.uint8]) -> int:
        return 0


@dataclass(frozen=True)
class Job:
    """One episode."""

    instruction: str
    seed: int
    settings: Settings
    layout: Layout | None = None
    group: str = ""


_PARTS: Any = None


def _start(weights: Path, threads: int) -> None:
    global _PARTS
    import torch

    from vlp.build import build

    torch.set_num_threads(threads)
    _PARTS = build(weights=weights, device="cpu")


def run(job: Job) -> dict[str, Any]:
    """Run one episode; needs `_start` in this process."""
    from vlp.agent import Agent
    from vlp.events import Events

    robot = SimulatedRobot(
        job.instruction, seed=job.seed, layout=job.layout, max_steps=job.settings.max_control_steps
    )
    try:
        agent = Agent(_PARTS, robot, job.settings, events=Events(), folder=NoFolder())  # type: ignore[arg-type]
        result = agent.run(job.instruction)
    finally:
        robot.disconnect()
    keys = ("score", "complete", "reason", "control_steps", "decisions", "seconds", "seconds_by_part")
    return {"group": job.group, "instruction": job.instruction, "seed": job.seed} | {
        k: result[k] for k in keys
    }


def run_all(
    jobs: Sequence[Job], log: Path, *, weights: Path, workers: int = 2, say: Callable[[str], None] = print
) -> list[dict[str, Any]]:
    """Run the jobs that the log does not hold yet; returns all lines that belong to the jobs."""
    log.parent.mkdir(parents=True, exist_ok=True)
    done = {(line["group"], line["seed"]): line for line in _read(log)}
    left = [job for job in jobs if (job.group, job.seed) not in done]
    context = multiprocessing.get_context("spawn")
    threads = max(1, (os.cpu_count() or 1) // workers)
    with context.Pool(workers, _start, (weights, threads)) as pool, log.open("a", encoding="utf-8") as file:
        for count, line in enumerate(pool.imap_unordered(run, left), 1):
            file.write(json.dumps(line) + "\n")
            file.flush()
            done[line["group"], line["seed"]] = line
            say(
                f"{count}/{len(left)} {line['group']} seed {line['seed']} "
                f"score {line['score']} {line['reason']}"
            )
    return [done[job.group, job.seed] for job in jobs]


def _read(log: Path) -> Iterator[dict[str, Any]]:
    if log.exists():
        for text in log.read_text(encoding="utf-8").splitlines():
            yield json.loads(text)
