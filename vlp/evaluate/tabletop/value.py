"""Value on crowded rows, where lines get stuck: can steps-to-go tell the branches of one decision apart?

The value is held against the demonstrator's play without physics (`demos.kinematic`), from where the pose
probe sees things in the last imagined frames: over all branches that the guards let pass, and for its pick.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from executors.tabletop.simulated import SimulatedRobot
from planner import Frames, NoPlan, search
from tasks.tabletop.demos.kinematic import play
from tasks.tabletop.goals import LongTask, MakeLine
from tasks.tabletop.language.instruction import LINES
from tasks.tabletop.seeing.encoder import PoseProbe
from tasks.tabletop.world.board import BLOCK_8
from tasks.tabletop.world.layout import row_layout
from vlp.bench.stats import bootstrap
from vlp.domains.tabletop.build import TabletopParts, build
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.models.weights import BUNDLED

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class ValueOptions:
    """Options of the measurement."""

    boards: int = 60
    plays: int = 16
    """Runs of the demonstrator a branch."""
    first_seed: int = FIRST_SEED
    weights: Path = BUNDLED


def _branches(parts: TabletopParts, task: LongTask, line: str, seed: int) -> tuple[Frames, Vector] | None:
    """The last frames of a decision's branches [N, H, W, 3] on a crowded row, and their steps-to-go [N]."""
    robot = SimulatedRobot(
        task.instruction, seed=seed, layout=row_layout(np.random.default_rng(seed), line), max_steps=1
    )
    robot.connect()
    frame = robot.get_observation()["rgb"]
    robot.disconnect()
    try:
        found = search(
            parts.proposer, parts.video, parts.value, frame, task.instruction, guards=parts.guards, seed=seed,
            beams=1, language_branches=4, video_branches=4, horizon=1,
        )  # fmt: skip
    except NoPlan:
        return None
    nodes = [node for node in found.tree.nodes if not node.rejected]
    return np.stack([node.last_frame for node in nodes]), np.array([node.steps_to_go for node in nodes])


def _played(probe: PoseProbe, task: LongTask, frames: Frames, plays: int) -> Vector:
    """Mean control steps of the demonstrator's plays from each of the frames."""
    present, places = probe.places(frames)
    means = []
    for there, where in zip(present, places.astype(float), strict=True):
        blocks = {k: where[i] for i, k in enumerate(probe.names) if there[i]}
        runs = [
            play(task, blocks, where[-1], np.random.default_rng(seed), names=BLOCK_8) for seed in range(plays)
        ]
        means.append(np.mean([run.steps_to_go for run in runs]))
    return np.array(means)


def main(options: ValueOptions) -> None:
    """Decisions on crowded rows, vertical and horizontal in turn."""
    parts = build(weights=options.weights, device="cpu")
    ranks, errors, gains, best = [], [], [], []
    for seed in range(options.first_seed, options.first_seed + options.boards):
        line = LINES[seed % len(LINES)]
        task = MakeLine(line)
        found = _branches(parts, task, line, seed)
        if found is None:
            continue
        frames, told = found
        played = _played(parts.probe, task, frames, options.plays)
        errors.append(float(np.abs(told - played).mean()))
        gains.append(float(played.mean() - played[int(told.argmin())]))
        best.append(float(played.mean() - played.min()))
        if len(told) > 2:
            ranks.append(float(np.nan_to_num(spearmanr(told, played).statistic)))
    measures = {
        "rank_correlation": ranks,
        "error_steps": errors,
        "pick_gains_steps": gains,
        "best_gains_steps": best,
    }
    result = {name: {"mean": round(float(np.mean(v)), 3), "of": len(v), "interval_95": bootstrap(v)}
              for name, v in measures.items()}  # fmt: skip
    write("value", {"first_seed": options.first_seed, "boards": options.boards, **result})


if __name__ == "__main__":
    run_main(main, ValueOptions)
