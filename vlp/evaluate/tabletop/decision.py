"""Cost of one decision: seconds, branches a second, and peak memory."""

from __future__ import annotations

import platform
import resource
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from executors.tabletop.simulated import SimulatedRobot
from planner import search
from tasks.learning.precision import has_bfloat16
from vlp.domains.tabletop.build import MAX_VALUE_GAIN, build
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.models.device import choose_device
from vlp.models.weights import BUNDLED


@dataclass(frozen=True)
class DecisionOptions:
    """Options of the measurement."""

    decisions: int = 5
    first_seed: int = FIRST_SEED
    weights: Path = BUNDLED
    device: str = "auto"
    goal: str = "group the blocks by color"


def _processor() -> str:
    """Its name, as the system tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def main(options: DecisionOptions) -> None:
    """Search at 2/4/4, horizon 2, on several boards; the first decision warms up and does not count."""
    parts = build(weights=options.weights, device=options.device)
    seconds, clips = [], []
    for i in range(options.decisions + 1):
        robot = SimulatedRobot(options.goal, seed=options.first_seed + i)
        robot.connect()
        frame = robot.get_observation()["rgb"]
        start = time.perf_counter()
        found = search(
            parts.proposer,
            parts.video,
            parts.value,
            frame,
            options.goal,
            beams=2,
            language_branches=4,
            video_branches=4,
            horizon=2,
            seed=i,
            guards=parts.guards,
            close_guards=parts.close_guards,
            max_value_gain=MAX_VALUE_GAIN,
        )
        seconds.append(time.perf_counter() - start)
        clips.append(len(found.tree.nodes))
        robot.disconnect()
    frames = np.stack([frame] * 32)
    start = time.perf_counter()
    parts.video.imagine(frames, ["push the red moon next to the blue cube"] * 32, list(range(32)))
    write(
        f"decision_{choose_device(options.device)}",
        {
            "processor": _processor(),
            "bfloat16": has_bfloat16(choose_device(options.device)),
            "threads": torch.get_num_threads(),
            "seconds_a_decision": round(float(np.mean(seconds[1:])), 2),
            "slowest": round(max(seconds[1:]), 2),
            "clips_a_decision": round(float(np.mean(clips[1:])), 1),
            "branches_a_second": round(32 / (time.perf_counter() - start), 1),
            "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        },
    )


if __name__ == "__main__":
    run_main(main, DecisionOptions)
