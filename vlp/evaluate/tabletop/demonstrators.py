"""The scripted pushers alone: success of the push oracle by family, completion of the long tasks."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tasks.tabletop.demos.demonstrator import Push, centers, run_long, run_push
from tasks.tabletop.goals import BY_INSTRUCTION, LongTask
from tasks.tabletop.goals.families import FAMILIES
from tasks.tabletop.world.board import HOLD_STEPS, LONG_MAX_STEPS
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World
from vlp.bench.stats import share
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.evaluate.tabletop.asked import ask

PUSH_BAR = 0.97
LONG_BAR = 0.95


@dataclass(frozen=True)
class DemonstratorsOptions:
    """Options of the measurement."""

    episodes: int = 100
    """A family."""
    long_episodes: int = 40
    """A long task."""
    first_seed: int = FIRST_SEED
    log: Path = Path(".cache/demonstrators.jsonl")
    workers: int = 2


@dataclass(frozen=True)
class DemonstrationJob:
    """One episode: `name` is a family or a long task's instruction."""

    name: str
    seed: int


@dataclass(frozen=True)
class DemonstrationOutcome:
    """What became of a job."""

    name: str
    seed: int
    done: bool
    steps: int
    """Control steps."""


def run_family(world: World, family: str, seed: int) -> tuple[bool, int]:
    """Whether the oracle's push, asked of the seed's board, fulfils the rule at its end; control steps."""
    push = ask(world, family, seed).push
    steps = sum(1 for _ in run_push(world, push, np.random.default_rng(seed)))
    return _fulfilled(world, push), steps


def _fulfilled(world: World, push: Push) -> bool:
    blocks = centers(world)
    on_board = set(push.instruction.blocks()) <= set(blocks)
    return on_board and push.succeeded(blocks, np.array(world.target))


def run_task(world: World, task: LongTask, seed: int) -> tuple[bool, int]:
    """Whether the demonstrator completes a long task, the hold included, in time; control steps."""
    rng = np.random.default_rng(seed)
    layout, effector = random_layout(rng)
    world.place(layout, effector)
    world.step(effector)
    steps = sum(1 for push in run_long(world, task, rng) for _ in run_push(world, push, rng))
    for _ in range(HOLD_STEPS):
        steps += 1
        world.step(world.target)
        if task.reward(centers(world), world.names) < 1.0:
            return False, steps
    return steps <= LONG_MAX_STEPS, steps


def run(job: DemonstrationJob) -> DemonstrationOutcome:
    """Run one job in a world of its own."""
    world = World()
    try:
        task = BY_INSTRUCTION.get(job.name)
        done = run_task(world, task, job.seed) if task else run_family(world, job.name, job.seed)
    finally:
        world.close()
    return DemonstrationOutcome(job.name, job.seed, *done)


def run_all(
    jobs: Sequence[DemonstrationJob], log: Path, workers: int, say: Callable[[str], None] = print
) -> list[DemonstrationOutcome]:
    """Run the jobs that the log does not hold yet, so that an interrupted measurement goes on."""
    log.parent.mkdir(parents=True, exist_ok=True)
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    known = {(o.name, o.seed): o for o in (DemonstrationOutcome(**json.loads(line)) for line in lines)}
    left = [job for job in jobs if (job.name, job.seed) not in known]
    with (
        multiprocessing.get_context("spawn").Pool(workers) as pool,
        log.open("a", encoding="utf-8") as file,
    ):
        for count, outcome in enumerate(pool.imap_unordered(run, left), 1):
            file.write(json.dumps(asdict(outcome)) + "\n")
            file.flush()
            known[outcome.name, outcome.seed] = outcome
            if count % 50 == 0 or not outcome.done:
                say(f"{count}/{len(left)} {outcome}")
    return [known[job.name, job.seed] for job in jobs]


def _summary(outcomes: Sequence[DemonstrationOutcome], name: str, bar: float) -> dict[str, object]:
    mine = [outcome for outcome in outcomes if outcome.name == name]
    hits = [outcome.done for outcome in mine]
    failed = [outcome.seed for outcome in mine if not outcome.done]
    steps = round(sum(outcome.steps for outcome in mine) / max(1, len(mine)), 1)
    return {
        **share(hits),
        "bar_met": sum(hits) >= bar * len(hits),
        "mean_control_steps": steps,
        "failed_seeds": failed,
    }


def main(options: DemonstratorsOptions) -> None:
    """Run every family and every long task on BLOCK_8 boards."""
    counts = dict.fromkeys(FAMILIES, options.episodes) | dict.fromkeys(BY_INSTRUCTION, options.long_episodes)
    jobs = [
        DemonstrationJob(name, options.first_seed + i) for name, count in counts.items() for i in range(count)
    ]
    outcomes = run_all(jobs, options.log, options.workers)
    write(
        "demonstrators",
        {
            "first_seed": options.first_seed,
            "bars": {"family": PUSH_BAR, "long_task": LONG_BAR},
            "families": {name: _summary(outcomes, name, PUSH_BAR) for name in FAMILIES},
            "long_tasks": {name: _summary(outcomes, name, LONG_BAR) for name in BY_INSTRUCTION},
        },
    )


if __name__ == "__main__":
    run_main(main, DemonstratorsOptions)
