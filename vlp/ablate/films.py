"""First decisions of a few episodes as filmstrips: what was imagined, or that beside what was then seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from executors.robot import Driver
from executors.wrapped import UnscoredRobot
from planner import NoPlan, PlanStep, Search
from vlp.ablate.protocol import AskedAblation
from vlp.agent.agent import AgentLoop
from vlp.agent.parts import Parts
from vlp.bench.episode import Episode, NoFolder
from vlp.bench.line import Line
from vlp.events.types import Events
from vlp.record.decision import ActedSubgoal
from vlp.record.filmstrip import scaled, sheet, strip, to_data_uri
from vlp.record.folder import RunFolder

HEIGHT, GAP = 60, 2
"""Pixels of a frame, and between two."""
ACTED_STEPS = 120
"""Control steps that are acted to show what becomes of the first decision."""


@dataclass(frozen=True)
class DecisionFilm:
    """What one variant did first on one board."""

    variant: str
    outcome: str
    """Of the whole episode, or of the plan."""
    rows: tuple[tuple[str, str], ...]
    """Caption and picture as a data: URI."""


class _First(NoFolder):
    """Keeps the first decision that has a plan, and what came of it."""

    def __init__(self) -> None:
        self.number = 0
        self.plan: tuple[PlanStep, ...] = ()
        self.acted: list[ActedSubgoal] = []

    def save_decision(self, number: int, found: object, seconds: float) -> None:
        if not self.number and isinstance(found, Search):
            self.number, self.plan = number, found.plan.steps

    def save_acted(self, acted: object, number: int) -> None:
        if isinstance(acted, ActedSubgoal) and acted.decision == self.number:
            self.acted.append(acted)


def films(
    asked: AskedAblation,
    lines: Sequence[Line],
    parts: Parts,
    boards: int,
    tick: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Episode, list[DecisionFilm]]]:
    """The first task's first `boards` boards, each with a film of every variant; `lines`: of its episodes.

    Searches are made anew: a seed gives the plan that was measured, except where a deadline cut it. `tick` is
    told of each film.
    """
    act = asked.ablation.name == "extraction"
    done = list(zip(asked.plan(), lines, strict=True))
    for seed in range(asked.first_seed, asked.first_seed + min(boards, asked.episodes)):
        board = [(v, e, line) for (v, e), line in done if e.seed == seed and e.task == asked.tasks[0]]
        shown: list[DecisionFilm] = []
        for variant, episode, line in board:
            shown.append(DecisionFilm(variant.name, _outcome(line), _rows(_decide(episode, parts, act=act))))
            tick()
        yield board[0][1], shown


def _outcome(line: Line) -> str:
    return f"score {line['score']:.3g}, {line['reason']}"


def _rows(first: _First) -> tuple[tuple[str, str], ...]:
    if first.acted:
        return tuple(_beside(acted) for acted in first.acted)
    return tuple((f"{s.subgoal} ({s.steps_to_go:.0f} steps to go)", _picture(s.clip)) for s in first.plan)


def _decide(episode: Episode, parts: Parts, *, act: bool) -> _First:
    first, settings = _First(), replace(episode.settings, max_control_steps=ACTED_STEPS)
    robot = episode.robot(ACTED_STEPS)
    try:
        seen: Driver = UnscoredRobot(robot) if episode.stop == "own" else robot
        agent = AgentLoop(parts, seen, settings, events=Events(), folder=cast("RunFolder", first))
        if act:
            agent.run(episode.instruction)
        else:
            agent.plan(episode.instruction)
    except NoPlan:
        pass  # its film is empty, and says so
    finally:
        robot.disconnect()
    return first


def _beside(acted: ActedSubgoal) -> tuple[str, str]:
    """Imagined frames above real ones."""
    rows = [strip(scaled(frames, HEIGHT), gap=GAP) for frames in (acted.imagined, acted.real) if len(frames)]
    return f"{acted.subgoal} (imagined above real; {acted.outcome})", to_data_uri(sheet(rows, gap=GAP))


def _picture(clip: np.ndarray | None) -> str:
    assert clip is not None, "expected the clips of a plan that was just made"
    return to_data_uri(strip(scaled(clip, HEIGHT), gap=GAP))
