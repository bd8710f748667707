"""`python -m vlp.evaluate.tabletop.told_programs --weights WEIGHTS`: programs of relations by what was
learned from pixels and words alone.

Each is a sentence of one relation (or `--relations` at most) on a board of its own. The action prior acts on
the subgoals that the learned VLM says, without imagining, until the simulator's word or the last control
step; beside it, on the same board, told the next board's sentence: what comes about by chance. Sentences too
long to be heard are counted, and others drawn. Writes results/told-programs.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from executors.tabletop.simulated import SimulatedRobot
from planner import Frames
from tasks.tabletop.demos.sentences import sentence
from tasks.tabletop.world.layout import random_layout
from vlp.bench.code import code_digest
from vlp.bench.stats import bootstrap, share
from vlp.domains.tabletop.latent import ToldAgent, alone, read
from vlp.errors import UsageError, WeightsError
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.evaluate.tabletop.by_itself import Pace, by_itself
from vlp.latent.folder import verify_latent
from vlp.models.weights import digest

TRIES: Final = 200
"""Sentences drawn in a row for one that is heard."""


@dataclass(frozen=True)
class ToldProgramOptions:
    """Options of the measurement."""

    weights: Path
    """Learned, with a VLM and what tells when a subgoal is over."""
    programs: int = 60
    first_seed: int = FIRST_SEED
    relations: int = 1
    """Of a sentence at most."""
    steps: int = 400
    """Control steps in which it must be brought about."""
    name: str = "told-programs"
    """Of the file in results/."""


def drawn(agent: ToldAgent, seed: int, relations: int) -> tuple[str, int]:
    """A sentence that the agent hears to its end, and how many were drawn that it would not."""
    layout, _ = random_layout(np.random.default_rng(seed))
    blocks = {name: np.array(pose[:2]) for name, pose in layout.items()}
    rng = np.random.default_rng([seed, 3])
    for unheard in range(TRIES):
        if agent.hears(read(text := sentence(rng, blocks, relations))):
            return text, unheard
    raise WeightsError(
        f"weights: expected some that hear a sentence, got none heard of {TRIES}; choose others"
    )


def carried_out(agent: ToldAgent, text: str, told: str, seed: int, steps: int) -> dict[str, Any]:
    """What comes of a board whose goal is `text`, and of which the agent is told `told`."""
    robot, goal = SimulatedRobot(text, seed=seed, max_steps=steps), read(told)
    robot.connect()
    claims = 0

    def look() -> Frames:
        return np.asarray(robot.get_observation()["rgb"])

    def asked(now: Frames) -> None:
        nonlocal claims
        claims += agent.reached(now, goal)

    try:
        complete = by_itself(agent, robot, look, goal, seed, Pace(), asked)
        seen_done = complete and agent.reached(look(), goal)
    finally:
        robot.disconnect()
    return {"complete": complete, "seen_done": seen_done, "said_done_before": claims}


def main(options: ToldProgramOptions) -> None:
    """Each board told its own sentence, and the next one's."""
    if options.programs < 2:
        raise UsageError(f"programs: expected 2 or more, got {options.programs}; each is told another's, too")
    agent, hashes = alone(options.weights), verify_latent(options.weights)
    seeds = range(options.first_seed, options.first_seed + options.programs)
    said = [drawn(agent, seed, options.relations) for seed in seeds]
    rows = []
    for number, (seed, (text, _)) in enumerate(zip(seeds, said, strict=True)):
        others = said[(number + 1) % len(said)][0]
        own, other = (carried_out(agent, text, told, seed, options.steps) for told in (text, others))
        rows.append({"seed": seed, "text": text, **own, "complete_told_another": other["complete"]})
        print(rows[-1], flush=True)
    more = [float(row["complete"]) - float(row["complete_told_another"]) for row in rows]
    unheard = sum(count for _, count in said)
    write(options.name, {
        "first_seed": options.first_seed,
        "weights": digest(hashes),
        "code": code_digest(),
        "not_heard_to_the_end": {"sentences": unheard, "of": unheard + len(said)},
        "completed": share([row["complete"] for row in rows]),
        "completed_told_another": share([row["complete_told_another"] for row in rows]),
        "more_than_told_another": {"mean": round(float(np.mean(more)), 4), "interval_95": bootstrap(more)},
        "ends_seen": share([row["seen_done"] for row in rows if row["complete"]]),
        "boards_taken_for_done": share([row["said_done_before"] > 0 for row in rows]),
        "rows": rows,
    })  # fmt: skip


if __name__ == "__main__":
    run_main(main, ToldProgramOptions)
