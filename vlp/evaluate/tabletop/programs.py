"""`python -m vlp.evaluate.tabletop.programs`: programs of relations that no model was trained on, done.

Each is a sentence drawn at random of one to four relations, on a board of its own, on which it can be done
and is not yet. Writes results/programs.json.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from executors.tabletop.simulated import SimulatedRobot
from tasks.tabletop.demos.sentences import sentence
from tasks.tabletop.world.layout import random_layout
from vlp.agent.agent import AgentLoop
from vlp.bench.code import code_digest
from vlp.bench.episode import NoFolder
from vlp.bench.stats import share
from vlp.bench.stops import DONE, ObservedRobot
from vlp.domains.tabletop.build import build
from vlp.domains.tabletop.program_parts import arranged, toward
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.events.types import Events
from vlp.models.weights import BUNDLED, PLANNER, PROGRAMS, digest
from vlp.record.folder import RunFolder
from vlp.settings import Settings


@dataclass(frozen=True)
class ProgramOptions:
    """Options of the measurement."""

    programs: int = 60
    first_seed: int = FIRST_SEED + 200
    by: Literal["learned", "arranged"] = "learned"
    """What proposes and tells steps-to-go: what learned it, or the script that it learned from."""
    weights: Path = BUNDLED
    log: Path | None = None
    """Where each is written when it is through; what is there is not done again. By default in .cache."""
    max_control_steps: int = 1500
    language_branches: int = 12
    """Pushes that are imagined at a decision; places are said exactly, so one clip of each is enough."""
    video_branches: int = 1


def carried_out(parts: Any, text: str, seed: int, options: ProgramOptions) -> dict[str, Any]:
    """One run of the agent, one push ahead, ended by itself, and what came of it."""
    settings = Settings(
        seed=seed, beams=1, language_branches=options.language_branches, horizon=1, device="cpu",
        video_branches=options.video_branches, max_control_steps=options.max_control_steps,
    )  # fmt: skip
    robot = SimulatedRobot(text, seed=seed, max_steps=options.max_control_steps)
    watched, begun = ObservedRobot(robot), time.monotonic()
    try:
        agent = AgentLoop(parts, watched, settings, events=Events(), folder=cast("RunFolder", NoFolder()))
        result = agent.run(text)
        told = watched.measured(result["reason"])
    finally:
        robot.disconnect()
    told |= {name: result[name] for name in ("reason", "control_steps", "decisions")}
    about = {"seed": seed, "text": text, "code": code_digest()}
    return {**about, **told, "seconds": round(time.monotonic() - begun)}


def main(options: ProgramOptions) -> None:
    """Carry out what is not yet, and count."""
    name = "programs" if options.by == "learned" else f"programs-{options.by}"
    log = options.log or Path(f".cache/{name}.jsonl")
    log.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.loads(x) for x in log.read_text().splitlines()] if log.exists() else []
    parts = build(weights=options.weights, device="cpu")
    if options.by == "arranged":
        parts = replace(parts, toward=toward(arranged))
    for seed in range(options.first_seed + len(lines), options.first_seed + options.programs):
        layout, _ = random_layout(np.random.default_rng(seed))
        blocks = {name: np.array(pose[:2]) for name, pose in layout.items()}
        text = sentence(np.random.default_rng(seed), blocks)
        lines.append(carried_out(parts, text, seed, options))
        with log.open("a") as file:
            file.write(json.dumps(lines[-1]) + "\n")
    write(name, {
        "programs": len(lines),
        "first_seed": options.first_seed,
        "weights": digest(parts.hashes, (*PLANNER, PROGRAMS)),
        "completed": share([bool(line["complete"]) for line in lines]),
        "said_done_and_was_not": sum(line["reason"] == DONE and not line["complete"] for line in lines),
        "by_the_simulators_verdict": share([bool(line["simulator"]["complete"]) for line in lines]),
        "not_completed": [line for line in lines if not line["complete"]],
        "control_steps": sorted(line["control_steps"] for line in lines if line["complete"]),
    })  # fmt: skip


if __name__ == "__main__":
    run_main(main, ProgramOptions)
