"""The VLM alone on held-out demonstrations: are its proposals sound, does steps-to-go fall as it should?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from tasks.tabletop.demos.demonstrator import centers, run_long, run_push
from tasks.tabletop.goals import LONG_TASKS
from tasks.tabletop.language import UnknownInstruction, parse
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World
from vlp.bench.stats import bootstrap, share
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.models.weights import BUNDLED
from vlp.vlm.tabletop import tokens
from vlp.vlm.tabletop.bundled import BundledVLM

EVERY = 12
"""Control steps between the frames that are looked at."""


@dataclass(frozen=True)
class VlmOptions:
    """Options of the measurement."""

    episodes: int = 30
    first_seed: int = FIRST_SEED
    weights: Path = BUNDLED


def _demonstration(seed: int, world: World) -> tuple[str, NDArray[np.uint8], NDArray[np.float64]]:
    """A long task's goal, frames every few control steps, and the control steps left from each."""
    rng = np.random.default_rng(seed)
    world.place(*random_layout(rng))
    task = LONG_TASKS[seed % len(LONG_TASKS)]
    frames, times, step = [], [], 0
    for push in run_long(world, task, rng):
        for _ in run_push(world, push, rng):
            if step % EVERY == 0:
                frames.append(world.render())
                times.append(step)
            step += 1
    assert len(centers(world)) <= 8
    return task.instruction, np.stack([*frames, world.render()]), step - np.array([*times, step])


def _known(text: str, names: list[str]) -> bool:
    """Whether a text parses and names blocks on the board only."""
    try:
        return set(parse(text, names).blocks()) <= set(names)
    except UnknownInstruction:
        return False


def main(options: VlmOptions) -> None:
    """Look at one demonstration a seed."""
    vlm, world = BundledVLM.load(options.weights / "vlm"), World()
    ranks, errors, raw, given = [], [], [], []
    for i in range(options.episodes):
        goal, frames, left = _demonstration(options.first_seed + i, world)
        mean = vlm.steps_to_go(frames, goal).mean
        if len(left) > 3:
            ranks.append(float(spearmanr(mean, left).statistic))
        errors += np.abs(mean - left).tolist()
        for k in range(0, len(frames) - 2, 3):
            names, seed = sorted(world.names), options.first_seed + 100 * i + k
            numbers, _ = vlm._sample(frames[k : k + 1], goal, 8, seed)
            raw += [_known(tokens.decode(text), names) for text in numbers[0]]
            proposed = vlm.propose(frames[k : k + 1], goal, [()], 4, seed=seed)[0]
            given += [_known(proposal.text, names) for proposal in proposed]
    write(
        "vlm",
        {
            "first_seed": options.first_seed,
            "episodes": options.episodes,
            "proposals_sound": share(given),
            "raw_samples_sound": share(raw),
            "spearman_steps_to_go": {
                "mean": round(float(np.mean(ranks)), 4),
                "interval_95": bootstrap(ranks),
            },
            "steps_to_go_mean_error": round(float(np.mean(errors)), 1),
        },
    )


if __name__ == "__main__":
    run_main(main, VlmOptions)
