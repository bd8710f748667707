"""`python -m vlp.evaluate.tabletop.programs`: programs of relations that no model was trained on, done.

Each is a sentence drawn at random of one to four relations, on a board of its own, on which it can be done
and is not yet. Writes results/programs.json.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, cast

import numpy as np
import tyro
from numpy.typing import NDArray

from executors.tabletop.simulated import SimulatedRobot
from tasks.tabletop.goals.goal import understand
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.world.board import color_of, shape_of, words_of
from tasks.tabletop.world.layout import random_layout
from vlp.agent.agent import AgentLoop
from vlp.bench.code import code_digest
from vlp.bench.episode import NoFolder
from vlp.bench.stats import share
from vlp.bench.stops import DONE, ObservedRobot
from vlp.domains.tabletop.build import build
from vlp.domains.tabletop.program_parts import arranged, toward
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import write
from vlp.events.types import Events
from vlp.models.weights import BUNDLED, PLANNER, PROGRAMS, digest
from vlp.record.folder import RunFolder
from vlp.settings import Settings

Rng = np.random.Generator
AREAS: Final = ("left", "right", "top", "bottom")
CORNERS: Final = (
    "top left corner",
    "top right corner",
    "bottom left corner",
    "bottom right corner",
    "center",
)


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


def _pick(rng: Rng, items: tuple[str, ...]) -> str:
    return items[int(rng.integers(len(items)))]


def _clause(rng: Rng, names: list[str]) -> str:
    """A random relation of random blocks, in words."""
    a, b, c = (words_of(str(name)) for name in rng.permutation(np.array(names))[:3])
    some = _pick(rng, (*(f"{color_of(n)} blocks" for n in names), *(f"{shape_of(n)}s" for n in names)))
    return _pick(rng, (
        f"put the {some} on the {_pick(rng, AREAS)}",
        f"put the {a} and the {b} in the {_pick(rng, CORNERS)}",
        f"put the {some} next to the {a}",
        f"put the {a} to the left of the {b}",
        f"put the {a} and the {c} above the {b}",
        f"put the {a} between the {b} and the {c}",
        f"move the {a} away from the {b} and the {c}",
        f"gather the {some}",
        f"line up the {a}, the {b} and the {c} horizontally",
        f"line up the {some} vertically",
        f"put the {a}, the {b} and the {c} in a row from left to right",
        f"put the {a}, the {b} and the {c} on the corners of a triangle",
        f"make a circle of the {some} and the {a}",
        f"swap the {a} and the {b}",
        f"clear the {_pick(rng, (*AREAS, *CORNERS[:4]))}",
        f"put the {a} at x {rng.integers(25, 50)} y {rng.integers(-22, 23)}",
    ))  # fmt: skip


def sentence(rng: Rng, blocks: Mapping[str, NDArray[np.float64]]) -> str:
    """A random program of one to four relations that can be done on a board, and is not yet."""
    while True:
        count = int(rng.integers(1, 5))
        text = " and ".join(_clause(rng, sorted(blocks)) for _ in range(count))
        try:
            goal = understand(text, blocks)
        except ValueError:
            continue
        whole = isinstance(goal, ProgramGoal) and len(goal.program.relations) == count
        if whole and goal.reward(blocks, (0.35, 0.0)) < 1.0:
            return text


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
    main(tyro.cli(ProgramOptions))
