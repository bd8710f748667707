"""The whole loop on long-horizon tasks, beside the same system without search (1/1/1), paired seeds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from vlp.bench.execution import run_all
from vlp.bench.line import Line
from vlp.bench.log import EpisodeLog
from vlp.bench.names import TASKS, TaskName
from vlp.bench.progress import Bar
from vlp.bench.protocol import Execution
from vlp.bench.summary import difference, figures
from vlp.build import BUNDLED
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import write
from vlp.settings import Settings

SYSTEMS = {"2/4/4 horizon 2": "ours", "1/1/1 horizon 1": "no-search"}
"""What they are called in the result -> methods of `vlp.bench`."""


@dataclass(frozen=True)
class Options:
    """Options of the measurement."""

    seeds: int = 20
    first_seed: int = FIRST_SEED
    tasks: tuple[TaskName, ...] = TASKS
    weights: Path = BUNDLED
    log: Path = Path(".cache/loop.jsonl")
    workers: int = 2


def main(options: Options) -> None:
    """Run both systems on every task and seed."""
    asked = Execution(
        tasks=options.tasks,
        methods=("ours", "no-search"),
        episodes=options.seeds,
        first_seed=options.first_seed,
        settings=Settings(device="cpu"),
    )
    with EpisodeLog(options.log) as log, Bar() as bar:
        lines = run_all(asked.plan(), log, weights=options.weights, workers=options.workers, watcher=bar)
    result: dict[str, Any] = {"first_seed": options.first_seed, "seeds": options.seeds}
    for task in options.tasks:
        result[task] = _compared([line for line in lines if line["task"] == task])
    write("loop", result)


def _compared(lines: list[Line]) -> dict[str, Any]:
    rows = {name: [line for line in lines if line["method"] == method] for name, method in SYSTEMS.items()}
    return {name: figures(found) for name, found in rows.items()} | {
        "search_gains": difference(*rows.values())["score"]
    }


if __name__ == "__main__":
    main(tyro.cli(Options))
