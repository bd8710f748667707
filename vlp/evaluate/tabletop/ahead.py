"""`python -m vlp.evaluate.tabletop.ahead`: is looking several pushes ahead worth anything, and to whom?

On boards with little room (see `crowded`), ended by the simulator's verdict. First with a perfect video model
and true steps-to-go, then with what is learned, at equal numbers of clips. Writes results/ahead.json.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from executors.tabletop.simulated import SimulatedRobot
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.rules import BoardRules
from vlp.agent.agent import AgentLoop
from vlp.agent.parts import Parts
from vlp.bench.code import code_digest
from vlp.bench.episode import NoFolder
from vlp.bench.stats import average, bootstrap, share
from vlp.bench.tabletop.shown_simulator import ShownSimulator
from vlp.bench.tabletop.true_program import TrueBoards, TrueProgramValue, Way
from vlp.domains.tabletop.arranged_parts import ArrangedProposer, Arranger
from vlp.domains.tabletop.build import build
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.evaluate.tabletop.crowded import TASKS, crowded
from vlp.events.types import Events
from vlp.models.weights import BUNDLED, PLANNER, PROGRAMS, digest
from vlp.record.folder import RunFolder
from vlp.settings import Settings

NEVER: Final = -1.0
"""Metres, see `Parts.near`: after each push is looked anew, so that only what is chosen differs."""


@dataclass(frozen=True)
class Arm:
    """How wide and how far is searched, and with what."""

    beams: int
    language: int
    video: int
    horizon: int
    true: Way | None = None
    """Simulator as video model, script as proposer and this value; None: all learned."""

    @property
    def clips(self) -> int:
        """Of a decision at most; the first level has one beam."""
        return self.language * self.video * (1 + self.beams * (self.horizon - 1))


ARMS: Final[Mapping[str, Arm]] = {
    "true 1/12/1": Arm(1, 12, 1, 1, "arrangement"),
    "true 1/12/5": Arm(1, 12, 5, 1, "arrangement"),
    "true 2/12/1 horizon 2": Arm(2, 12, 1, 2, "arrangement"),
    "true 2/12/1 horizon 3": Arm(2, 12, 1, 3, "arrangement"),
    "played 1/12/1": Arm(1, 12, 1, 1, "played"),
    "played 2/12/1 horizon 3": Arm(2, 12, 1, 3, "played"),
    "ours 1/1/1": Arm(1, 1, 1, 1),
    "ours 1/12/1": Arm(1, 12, 1, 1),
    "ours 1/12/4": Arm(1, 12, 4, 1),
    "ours 1/20/4": Arm(1, 20, 4, 1),
    "ours 2/4/4 horizon 2": Arm(2, 4, 4, 2),
    "ours 2/4/4 horizon 3": Arm(2, 4, 4, 3),
    "ours 3/12/1 horizon 2": Arm(3, 12, 1, 2),
    "ours 2/16/1 horizon 3": Arm(2, 16, 1, 3),
}
"""The arms of one number of clips: 1/12/5 and 2/12/1 at horizon 3 of 60; 1/12/4, 2/4/4 at horizon 2 and
3/12/1 at horizon 2 of 48; 1/20/4, 2/4/4 at horizon 3 and 2/16/1 at horizon 3 of 80."""
PAIRS: Final = (
    ("true 2/12/1 horizon 3", "true 1/12/1"),
    ("true 2/12/1 horizon 3", "true 1/12/5"),
    ("true 2/12/1 horizon 2", "true 1/12/1"),
    ("played 2/12/1 horizon 3", "played 1/12/1"),
    ("ours 2/4/4 horizon 2", "ours 1/12/4"),
    ("ours 2/4/4 horizon 3", "ours 1/20/4"),
    ("ours 3/12/1 horizon 2", "ours 1/12/4"),
    ("ours 2/16/1 horizon 3", "ours 1/20/4"),
    ("ours 1/12/4", "ours 1/1/1"),
)


@dataclass(frozen=True)
class AheadOptions:
    """Options of the measurement."""

    tasks: tuple[str, ...] = tuple(TASKS)
    arms: tuple[str, ...] = tuple(ARMS)
    boards: int = 40
    """Of each task."""
    first_seed: int = FIRST_SEED + 260
    max_control_steps: int = 500
    weights: Path = BUNDLED
    log: Path = Path(".cache/ahead.jsonl")
    """Where each episode is written when it is through; what is there is not done again."""
    name: str = "ahead"
    """Of the file in results/."""


@contextmanager
def parts_of(arm: Arm, parts: Parts, robot: SimulatedRobot) -> Iterator[Parts]:
    """The parts of an arm before a robot."""
    parts = replace(parts, near=NEVER)
    if arm.true is None:
        yield parts
        return
    with closing(ShownSimulator(robot)) as video:

        def toward(_: Parts, goal: Any) -> Parts:
            assert isinstance(goal, ProgramGoal), f"expected a program, got {goal.text}"
            arranger = Arranger(TrueBoards(video), goal, BoardRules())
            value = TrueProgramValue(video, arranger, cast("Way", arm.true))
            return replace(
                parts, proposer=ArrangedProposer(arranger), value=value, video=video, verify=None, guards=(),
                close_guards=(), max_value_gain=None, success=None, confidence=None,
            )  # fmt: skip

        yield replace(parts, toward=toward)


def episode(parts: Parts, task: str, name: str, seed: int, options: AheadOptions) -> dict[str, Any]:
    """One run of one arm, and what came of it."""
    arm, (layout, text) = ARMS[name], crowded(task, seed)
    settings = Settings(
        seed=seed, beams=arm.beams, language_branches=arm.language, video_branches=arm.video,
        horizon=arm.horizon, device="cpu", max_control_steps=options.max_control_steps,
    )  # fmt: skip
    robot = SimulatedRobot(text, layout=layout, seed=seed, max_steps=options.max_control_steps)
    begun = time.monotonic()
    try:
        with parts_of(arm, parts, robot) as own:
            agent = AgentLoop(own, robot, settings, events=Events(), folder=cast("RunFolder", NoFolder()))
            result = agent.run(text)
        complete = bool(robot.info["complete"])
    finally:
        robot.disconnect()
    told = {key: result[key] for key in ("reason", "control_steps", "decisions")}
    about = {"task": task, "arm": name, "seed": seed, "text": text, "code": code_digest()}
    return {**about, "complete": complete, **told, "seconds": round(time.monotonic() - begun)}


def completed(rows: Sequence[Mapping[str, Any]], task: str, arm: str) -> dict[int, Mapping[str, Any]]:
    """Seed -> row."""
    return {row["seed"]: row for row in rows if row["task"] == task and row["arm"] == arm}


def against(rows: Sequence[Mapping[str, Any]], task: str, pair: tuple[str, str]) -> dict[str, Any] | None:
    """What the first arm completes more than the second, and how many control steps fewer it takes, paired by
    board; None where they have none in common. What is not completed counts with all its steps."""
    first, second = (completed(rows, task, arm) for arm in pair)
    seeds = sorted(first.keys() & second.keys())
    if not seeds:
        return None
    more = [float(first[k]["complete"]) - float(second[k]["complete"]) for k in seeds]
    fewer = [float(second[k]["control_steps"] - first[k]["control_steps"]) for k in seeds]
    return {
        "boards": len(seeds),
        "more_completed": {"mean": round(float(np.mean(more)), 4), "interval_95": bootstrap(more)},
        "fewer_control_steps": {"mean": round(float(np.mean(fewer)), 1), "interval_95": bootstrap(fewer)},
    }


def summary(rows: Sequence[Mapping[str, Any]], options: AheadOptions) -> dict[str, Any]:
    """Task -> figures by arm, and paired differences."""
    found = {}
    for task in options.tasks:
        arms = {arm: list(completed(rows, task, arm).values()) for arm in options.arms}
        found[task] = {
            "arms": {
                arm: {
                    "clips": ARMS[arm].clips,
                    "completed": share([row["complete"] for row in own]),
                    "control_steps": average([row["control_steps"] for row in own]),
                    "seconds": average([row["seconds"] for row in own]),
                }
                for arm, own in arms.items()
                if own
            },
            "differences": {
                f"{a} minus {b}": told for a, b in PAIRS if (told := against(rows, task, (a, b))) is not None
            },
        }
    return found


def main(options: AheadOptions) -> None:
    """Run what has not been run, board by board, and count."""
    options.log.parent.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(x) for x in options.log.read_text().splitlines()] if options.log.exists() else []
    known = {(row["task"], row["arm"], row["seed"]) for row in rows}
    parts = build(weights=options.weights, device="cpu")
    for seed in range(options.first_seed, options.first_seed + options.boards):
        for task in options.tasks:
            for name in options.arms:
                if (task, name, seed) not in known:
                    rows.append(episode(parts, task, name, seed, options))
                    with options.log.open("a") as file:
                        file.write(json.dumps(rows[-1]) + "\n")
    write(options.name, {
        "first_seed": options.first_seed,
        "max_control_steps": options.max_control_steps,
        "weights": digest(parts.hashes, (*PLANNER, PROGRAMS)),
        "code": sorted({row["code"] for row in rows}),
        "tasks": summary(rows, options),
    })  # fmt: skip


if __name__ == "__main__":
    run_main(main, AheadOptions)
