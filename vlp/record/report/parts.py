"""Parts of the report, worked out from a run's records: plain values, pictures as data: URIs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from planner import Frames, Node, Plan, Tree
from vlp.events.types import Acted, Event, Observed, RunStarted, Searched, Verified
from vlp.record.decision import ActedSubgoal, Decision
from vlp.record.filmstrip import scaled, sheet, strip, to_data_uri
from vlp.record.report.chart import Chart, Point
from vlp.record.report.story import Reasons

OPEN_ROWS = 32  # of a level; the rest is folded
GAP = 2  # pixels between frames
PLAN_HEIGHT, ACTED_HEIGHT = 96, 72  # pixels of a frame


@dataclass(frozen=True, kw_only=True)
class Detail:
    """How finely branches are drawn: many branches must still make a file that opens."""

    height: int  # pixels of a frame
    quality: int  # JPEG's


FINE, COARSE = Detail(height=48, quality=80), Detail(height=40, quality=68)
FINE_UP_TO = 400  # branches in the whole run


@dataclass(frozen=True, kw_only=True)
class Headline:
    instruction: str
    status: str
    reason: str | None
    facts: Sequence[tuple[str, str]]  # name, value with its unit


@dataclass(frozen=True, kw_only=True)
class ReportRow:
    """A branch."""

    node: Node
    picture: str | None
    in_plan: bool
    steps: str

    @property
    def state(self) -> str:
        if self.node.rejected:
            return "rejected"
        return "kept" if self.node.kept else "dropped"


@dataclass(frozen=True, kw_only=True)
class Level:
    depth: int
    open_rows: Sequence[ReportRow]
    folded_rows: Sequence[ReportRow]


@dataclass(frozen=True, kw_only=True)
class PlanPicture:
    subgoal: str
    steps: str
    picture: str


@dataclass(frozen=True, kw_only=True)
class ActedPicture:
    subgoal: str
    outcome: str
    imagined: int
    real: int
    picture: str  # imagined above real
    reason: str  # why the plan was given up after it, else empty


@dataclass(frozen=True, kw_only=True)
class DecisionView:
    decision: Decision
    board: str
    root_steps: str
    rejected: int
    plan: Sequence[PlanPicture]
    levels: Sequence[Level]
    acted: Sequence[ActedPicture]
    reasons: Sequence[str]  # for planning anew


def headline(result: Mapping[str, Any], events: Sequence[Event]) -> Headline:
    """A run that was broken off has few results; the events say the rest."""
    started = next((event for event in events if isinstance(event, RunStarted)), None)
    decisions = [event.decision for event in events if isinstance(event, Searched)]
    scores = [event.score for event in events if isinstance(event, Observed) and event.score is not None]
    steps = [event.control_step for event in events if isinstance(event, Acted | Observed)]
    told = {
        "score": max(scores, default=None),
        "control_steps": max(steps, default=None),
        "decisions": max(decisions, default=None),
        "seconds": events[-1].time if events else None,
        "task": started and (started.understood or started.task),
        "seed": started and started.seed,
    }
    values = told | {key: value for key, value in result.items() if value is not None}
    complete = bool(values.get("complete"))
    return Headline(
        instruction=str(values.get("instruction") or (started.instruction if started else "no instruction")),
        status="complete" if complete else _incomplete(str(values.get("status", "unfinished"))),
        reason=_judged(values) if complete else str(values.get("reason") or "") or None,
        facts=[(name, text) for name, text in _facts(values) if text],
    )


def _judged(values: Mapping[str, Any]) -> str | None:
    """Whose word it is that a goal is reached, where it is not the simulator's."""
    return "as the camera shows it; nobody kept score" if values.get("judged_by") == "camera" else None


def decision_view(
    decision: Decision, acted: Sequence[ActedSubgoal], detail: Detail, why: Reasons
) -> DecisionView:
    told = [*why.acted.get(decision.number, ()), *[""] * len(acted)]
    tree, plan = decision.tree, decision.plan
    chosen = {step.node_id for step in plan} if plan else set()
    depths = sorted({node.depth for node in tree.nodes})
    return DecisionView(
        decision=decision,
        board=to_data_uri(tree.root_frame, quality=88),
        root_steps=steps_text(tree.root_steps_to_go, tree.root_spread),
        rejected=sum(tree.rejections().values()),
        plan=_plan(plan) if plan else (),
        levels=[_level(tree, depth, chosen, detail) for depth in depths],
        acted=[_acted(item, reason) for item, reason in zip(acted, told, strict=False)],
        reasons=why.before.get(decision.number, ()),
    )


def charts(events: Sequence[Event]) -> list[Chart]:
    """Steps-to-go and score against the world's clock, on which thinking takes no time."""
    step = 0
    values: list[Point] = []
    scores: list[Point] = []
    decisions: list[tuple[float, str]] = []
    for event in events:
        if isinstance(event, Acted | Observed):
            step = max(step, event.control_step)
        if isinstance(event, Searched):
            decisions.append((step, f"{event.decision}"))
            values += [] if event.root_steps_to_go is None else [(step, event.root_steps_to_go)]
        if isinstance(event, Verified) and event.steps_to_go is not None:
            values.append((step, event.steps_to_go))
        if isinstance(event, Observed) and event.score is not None:
            scores.append((step, event.score))
    x_label = "control step (0.1 s each)"
    found = [Chart(title="Steps to go", x_label=x_label, y_label="control steps to go",
                   points=values, marks=decisions, right=step)]  # fmt: skip
    if scores:
        found.append(Chart(title="Score", x_label=x_label, y_label="score (0 to 1)", points=scores,
                           marks=decisions, right=step, top=1.0, stairs=True))  # fmt: skip
    return found


def steps_text(steps: float, spread: float) -> str:
    """ "34 ± 5", or a dash where the value model gave no number."""
    if not math.isfinite(steps):
        return "–"  # noqa: RUF001
    return f"{steps:.0f} ± {spread:.0f}" if math.isfinite(spread) else f"{steps:.0f}"


def _incomplete(status: str) -> str:
    return "not complete" if status == "finished" else status


def _facts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    def shown(key: str, form: str) -> str:
        return form.format(values[key]) if values.get(key) is not None else ""

    return [
        ("score", shown("score", "{:.3g}")),
        ("control steps", shown("control_steps", "{}")),
        ("decisions", shown("decisions", "{}")),
        ("time", shown("seconds", "{:.1f} s")),
        ("task", shown("task", "{}")),
        ("seed", shown("seed", "{}")),
    ]


def _plan(plan: Plan) -> list[PlanPicture]:
    return [
        PlanPicture(
            subgoal=step.subgoal,
            steps=steps_text(step.steps_to_go, step.spread),
            picture=_film(step.clip, Detail(height=PLAN_HEIGHT, quality=80)),
        )
        for step in plan
    ]


def _level(tree: Tree, depth: int, chosen: set[int], detail: Detail) -> Level:
    """The plan's branch first, then the other beams, then what was dropped, then what was rejected."""

    def order(node: Node) -> tuple[bool, bool, bool, float]:
        steps = node.steps_to_go if math.isfinite(node.steps_to_go) else math.inf
        return node.id not in chosen, not node.kept, node.rejected is not None, steps

    rows = [
        ReportRow(
            node=node,
            picture=None if node.clip is None else _film(node.clip, detail),
            in_plan=node.id in chosen,
            steps=steps_text(node.steps_to_go, node.spread),
        )
        for node in sorted(tree.level(depth), key=order)
    ]
    return Level(depth=depth, open_rows=rows[:OPEN_ROWS], folded_rows=rows[OPEN_ROWS:])


def _acted(acted: ActedSubgoal, reason: str) -> ActedPicture:
    clips = [clip for clip in (acted.imagined, acted.real) if len(clip)]
    rows = [strip(scaled(clip, ACTED_HEIGHT), gap=GAP) for clip in clips]
    return ActedPicture(
        subgoal=acted.subgoal,
        outcome=acted.outcome,
        imagined=len(acted.imagined),
        real=len(acted.real),
        picture=to_data_uri(sheet(rows, gap=GAP)),
        reason=reason,
    )


def _film(clip: Frames, detail: Detail) -> str:
    return to_data_uri(strip(scaled(clip, detail.height), gap=GAP), quality=detail.quality)
