"""`python -m vlp.evaluate.tabletop.confidence`: how sure the agent may be of a plan, how often its camera
is wrong.

Records runs on boards of training seeds, fits the confidence to them (confidence.json), and measures on
evaluation seeds: predicted against observed shares (results/confidence.json, results/confidence.png), and the
runs that ended as done though they were not, or went on though they were.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from tasks.tabletop.goals.families import REFERENCE_FAMILIES
from tasks.tabletop.world.world import World
from vlp.bench.execution import run_all
from vlp.bench.line import Line
from vlp.bench.log import EpisodeLog
from vlp.bench.progress import BenchBar
from vlp.bench.stats import bootstrap, share
from vlp.bench.tabletop.tasks import instruction
from vlp.domains.tabletop.confidence import FEATURES, FITTED, FittedConfidence
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.evaluate.reliability import draw, reliability
from vlp.evaluate.tabletop.asked import ask
from vlp.evaluate.tabletop.recorded import Recorded
from vlp.models.weights import BUNDLED, digest, verify
from vlp.settings import Settings

TASKS: Final = ("area", "group", "line", "push")
WIDTHS: Final = ((3, 12, 1, 2), (2, 4, 4, 2), (1, 2, 2, 2))
"""Beams, language branches, video branches and horizon, in turn."""
FIT_SEED: Final = 900_000
RIDGE: Final = 1.0

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class ConfidenceOptions:
    """Options of the measurement."""

    episodes: int = 72
    """For the fit, and as many for the measurement."""
    first_seed: int = FIRST_SEED + 500
    log: Path = Path(".cache/confidence.jsonl")
    workers: int = 2
    max_control_steps: int = 500


def episodes(first: int, options: ConfidenceOptions) -> list[Recorded]:
    """Tasks in turn, each as widely searched as the next of WIDTHS."""
    world, found = World(), []
    for i in range(options.episodes):
        task, width = TASKS[i % len(TASKS)], WIDTHS[i // len(TASKS) % len(WIDTHS)]
        beams, texts, clips, horizon = width
        settings = Settings(
            seed=first + i,
            beams=beams,
            language_branches=texts,
            video_branches=clips,
            horizon=horizon,
            max_control_steps=options.max_control_steps,
            device="cpu",
        )
        layout = None
        if task == "push":
            words = ask(world, REFERENCE_FAMILIES[i // len(TASKS) % len(REFERENCE_FAMILIES)], first + i).text
            layout = (world.poses(), (float(world.target[0]), float(world.target[1])))
        else:
            words = instruction(task, i // len(TASKS))
        found.append(Recorded("recorded", task, words, first + i, settings, layout=layout))
    return found


def samples(lines: Sequence[Line]) -> tuple[Vector, Vector]:
    """Features [N, FEATURES] of the plans of these runs, and whether (0 or 1) each ended as imagined [N]."""
    rows = [row for line in lines for row in line["decisions"]]
    x = np.array([[row["features"][name] for name in FEATURES] for row in rows])
    return x, np.array([float(row["outcome"] != "replan") for row in rows])


def fit(x: Vector, y: Vector) -> FittedConfidence:
    """Logistic regression with a ridge, on standardized features."""
    mean, scale = x.mean(0), x.std(0) + 1e-6
    z = np.column_stack([(x - mean) / scale, np.ones(len(x))])

    def loss(w: Vector) -> tuple[float, Vector]:
        logits = z @ w
        gradient = z.T @ (1 / (1 + np.exp(-logits)) - y)
        penalty = np.append(w[:-1], 0.0)
        value = np.sum(np.logaddexp(0, logits) - y * logits) + 0.5 * RIDGE * penalty @ penalty
        return float(value), gradient + RIDGE * penalty

    w = minimize(loss, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B").x
    weights = w[:-1] / scale
    return FittedConfidence(tuple(float(v) for v in weights), float(w[-1] - weights @ mean))


def camera(lines: Sequence[Line]) -> dict[str, Any]:
    """How often a run ended as done by the camera alone and was not, and the reverse."""
    done = [line for line in lines if line["reason"] == "done"]
    others = [line for line in lines if line["reason"] != "done"]
    return {
        "said_done_and_was_not": share([line["score"] < 1 for line in done]),
        "score_where_wrong": [line["score"] for line in done if line["score"] < 1],
        "went_on_though_done": share([line["score"] >= 1 for line in others]),
    }


def main(options: ConfidenceOptions) -> None:
    """Record, fit, measure."""
    fitting, measuring = episodes(FIT_SEED, options), episodes(options.first_seed, options)
    with EpisodeLog(options.log) as log, BenchBar() as bar:
        lines = run_all([*fitting, *measuring], log, weights=BUNDLED, workers=options.workers, watcher=bar)
    told, seen = lines[: len(fitting)], lines[len(fitting) :]
    model = fit(*samples(told))
    said = {
        "of": digest(verify(BUNDLED)),
        "weights": dict(zip(FEATURES, model.weights, strict=True)),
        "bias": model.bias,
    }
    FITTED.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    x, y = samples(seen)
    measured = reliability(model.of(x), y)
    draw(measured["bins"], Path("results/confidence.png"))
    write("confidence", {
        "fitted_on": {"first_seed": FIT_SEED, "episodes": len(told), "plans": len(samples(told)[1])},
        "first_seed": options.first_seed,
        "episodes": len(seen),
        "max_control_steps": options.max_control_steps,
        "widths": WIDTHS,
        **measured,
        "brier_interval_95": bootstrap([float(v) for v in (model.of(x) - y) ** 2]),
        "camera": camera(lines),
    })  # fmt: skip


if __name__ == "__main__":
    run_main(main, ConfidenceOptions)
