"""The whole loop on long-horizon tasks, beside the same system without search (1/1/1), paired seeds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from tasks.instruction import AREAS
from tasks.long.area import MoveToArea
from vlp.build import BUNDLED
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import bootstrap, share, write
from vlp.evaluate.episodes import Job, run_all
from vlp.settings import Settings

LINES = ("vertical", "horizontal")


@dataclass(frozen=True)
class Options:
    """Options of the measurement."""

    seeds: int = 20
    first_seed: int = FIRST_SEED
    tasks: tuple[str, ...] = ("area", "group", "line")
    weights: Path = BUNDLED
    log: Path = Path(".cache/loop.jsonl")
    workers: int = 2


def instruction(task: str, number: int) -> str:
    """The words for the seed's episode: areas and lines take turns."""
    if task == "area":
        return MoveToArea(AREAS[number % len(AREAS)]).instruction
    if task == "group":
        return "group the blocks by color"
    return f"make a {LINES[number % 2]} line in the middle of the board"


def _summary(lines: list[dict[str, Any]]) -> dict[str, Any]:
    scores = [float(line["score"]) for line in lines]
    return {
        "mean_score": round(float(np.mean(scores)), 4),
        "interval_95": bootstrap(scores),
        "complete": share([bool(line["complete"]) for line in lines]),
        "control_steps": round(float(np.mean([line["control_steps"] for line in lines])), 1),
        "decisions": round(float(np.mean([line["decisions"] for line in lines])), 1),
        "seconds": round(float(np.mean([line["seconds"] for line in lines])), 1),
    }


def main(options: Options) -> None:
    """Run both systems on every task and seed."""
    systems = {
        "2/4/4 horizon 2": Settings(),
        "1/1/1 horizon 1": Settings(beams=1, language_branches=1, video_branches=1, horizon=1),
    }
    jobs = [
        Job(instruction(task, i), options.first_seed + i, settings, group=f"{task} {name}")
        for i in range(options.seeds)
        for task in options.tasks
        for name, settings in systems.items()
    ]
    lines = run_all(jobs, options.log, weights=options.weights, workers=options.workers)
    result: dict[str, Any] = {"first_seed": options.first_seed, "seeds": options.seeds}
    for task in options.tasks:
        found = {name: [line for line in lines if line["group"] == f"{task} {name}"] for name in systems}
        ours, plain = found.values()
        gain = [float(a["score"]) - float(b["score"]) for a, b in zip(ours, plain, strict=True)]
        result[task] = {name: _summary(rows) for name, rows in found.items()} | {
            "search_gains": {"mean": round(float(np.mean(gain)), 4), "interval_95": bootstrap(gain)}
        }
    write("loop", result)


if __name__ == "__main__":
    main(tyro.cli(Options))
