"""`python -m vlp.evaluate.tabletop.ahead_unphysical`: what is looking ahead worth where all that is
imagined comes true but for chance?

The planner's own search on boards with little room (see `crowded`), without physics (see `unphysical`): by
the script that programs are learned from, or by what learned it. Widths are compared at equal numbers of
clips. Writes results/ahead-unphysical-script.json or -learned.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from planner import Proposer, Value
from planner.search import search
from planner.types import NoPlan
from tasks.tabletop.goals.goal import understand
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.rules import BoardRules
from vlp.bench.code import code_digest
from vlp.bench.stats import average, bootstrap, share
from vlp.domains.tabletop.arranged_parts import ArrangedProposer, Arranger
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.evaluate.tabletop.crowded import TASKS, crowded
from vlp.evaluate.tabletop.unphysical import ArrangementValue, BoardState, KnowsTheEnd, States, pushed
from vlp.models.weights import BUNDLED, PROGRAMS, digest, verify
from vlp.vlm.tabletop.programs.model import ProgramNet
from vlp.vlm.tabletop.programs.parts import ProgramModel, ProgramProposer, ProgramValue

Width = tuple[int, int, int, int]
WIDTHS: Final[dict[str, Width]] = {
    "1/1/1": (1, 1, 1, 1),
    "1/12/1": (1, 12, 1, 1),
    "1/4/4": (1, 4, 4, 1),
    "1/12/4": (1, 12, 4, 1),
    "2/4/4 horizon 2": (2, 4, 4, 2),
    "3/12/1 horizon 2": (3, 12, 1, 2),
    "1/20/4": (1, 20, 4, 1),
    "2/4/4 horizon 3": (2, 4, 4, 3),
    "2/16/1 horizon 3": (2, 16, 1, 3),
}
"""Beams, language branches, video branches, horizon. Of 48 clips a decision at most: the fourth to the sixth;
of 80: the last three."""
PAIRS: Final = (
    ("2/16/1 horizon 3", "1/12/1"),
    ("2/4/4 horizon 2", "1/12/4"),
    ("3/12/1 horizon 2", "1/12/4"),
    ("2/4/4 horizon 3", "1/20/4"),
    ("2/16/1 horizon 3", "1/20/4"),
    ("1/12/4", "1/1/1"),
    ("1/12/1", "1/4/4"),
)
MOST: Final = 900.0
"""Control steps after which a board is given up; it counts with as many."""
PUSHES: Final = 25


@dataclass(frozen=True)
class UnphysicalOptions:
    """Options of the measurement."""

    tasks: tuple[str, ...] = tuple(TASKS)
    widths: tuple[str, ...] = tuple(WIDTHS)
    by: Literal["script", "learned"] = "learned"
    boards: int = 60
    """Of each task."""
    first_seed: int = FIRST_SEED + 260
    weights: Path = BUNDLED


class WidthPlayer:
    """Plays boards to their end, looking anew after each push."""

    def __init__(self, by: str, net: ProgramNet, width: Width) -> None:
        self._by, self._net, self._width = by, net, width

    def _models(self, states: States, goal: ProgramGoal) -> tuple[Proposer, Value]:
        if self._by == "script":
            arranger = Arranger(states, goal, BoardRules())
            return ArrangedProposer(arranger), ArrangementValue(arranger)
        model = ProgramModel(self._net, states, goal)
        return ProgramProposer(model), ProgramValue(model)

    def play(self, task: str, seed: int) -> tuple[bool, float]:
        """Whether a board is completed, and in how many control steps."""
        (layout, pusher), text = crowded(task, seed)
        state = BoardState({name: np.array(pose[:2]) for name, pose in layout.items()}, np.array(pusher))
        goal = understand(text, state.blocks)
        assert isinstance(goal, ProgramGoal)
        states, steps = States(), 0.0
        proposer, told = self._models(states, goal)
        value = KnowsTheEnd(told, states, goal)
        for number in range(PUSHES):
            if value.over(state) or steps >= MOST:
                break
            text = self._next(proposer, value, states, states.picture(state), goal, seed + 1000 * number)
            if not text:
                break
            found = pushed(state, text, seed + 1000 * number + 999)
            state, steps = BoardState(found.blocks, found.pusher), steps + found.steps
        return (True, min(steps, MOST)) if value.over(state) else (False, MOST)

    def _next(
        self, proposer: Proposer, value: Value, states: States, frame: Any, goal: ProgramGoal, seed: int
    ) -> str:
        """The first push of the plan; "" where there is none."""
        beams, language, video, horizon = self._width
        try:
            found = search(
                proposer, states, value, frame, goal.text, beams=beams, language_branches=language,
                video_branches=video, horizon=horizon, seed=seed, done_below=1.0,
            )  # fmt: skip
        except NoPlan:
            return ""
        return found.plan[0].subgoal


def compared(rows: dict[str, list[tuple[bool, float]]]) -> dict[str, Any]:
    """Paired differences of PAIRS that were both played."""
    found = {}
    for first, second in PAIRS:
        if first in rows and second in rows:
            both = list(zip(rows[first], rows[second], strict=True))
            more = [float(a[0]) - float(b[0]) for a, b in both]
            fewer = [b[1] - a[1] for a, b in both]
            found[f"{first} minus {second}"] = {
                "more_completed": {"mean": round(float(np.mean(more)), 4), "interval_95": bootstrap(more)},
                "fewer_steps": {"mean": round(float(np.mean(fewer)), 1), "interval_95": bootstrap(fewer)},
            }
    return found


def figures(rows: Sequence[tuple[bool, float]]) -> dict[str, Any]:
    """Of one width."""
    return {
        "completed": share([done for done, _ in rows]),
        "control_steps": average([steps for _, steps in rows]),
        "steps": [round(steps) for _, steps in rows],
    }


def main(options: UnphysicalOptions) -> None:
    """Play all, by whom, task and width."""
    net = ProgramNet.from_pretrained(options.weights / PROGRAMS)
    seeds = range(options.first_seed, options.first_seed + options.boards)
    tasks: dict[str, Any] = {}
    for task in options.tasks:
        rows = {}
        for width in options.widths:
            player = WidthPlayer(options.by, net, WIDTHS[width])
            rows[width] = [player.play(task, seed) for seed in seeds]
            print(task, width, figures(rows[width])["completed"], flush=True)
        told = {width: figures(own) for width, own in rows.items()}
        tasks[task] = {"widths": told, "differences": compared(rows)}
    write(f"ahead-unphysical-{options.by}", {
        "first_seed": options.first_seed,
        "boards": options.boards,
        "weights": digest(verify(options.weights), (PROGRAMS,)),
        "code": code_digest(),
        "tasks": tasks,
    })  # fmt: skip


if __name__ == "__main__":
    run_main(main, UnphysicalOptions)
