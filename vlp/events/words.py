"""Events in words: one short line each, for logs and for the live view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vlp.events.types import (
    Answered,
    Event,
    Judged,
    ModelUsed,
    Observed,
    Replanned,
    RunStarted,
    Searched,
    Stopped,
    SubgoalStarted,
    Unsure,
    Verified,
)
from vlp.plain import without_sequences


def plain(text: str) -> str:
    """`text` without what could steer a terminal; an instruction may come from anywhere."""
    return "".join(character if character.isprintable() else " " for character in without_sequences(text))


def line(event: Event) -> str | None:
    """The event as a line; None where it is not worth one."""
    match event:
        case RunStarted():
            understood = f"; understood: {event.understood}" if event.understood else ""
            text = f"instruction: {event.instruction}{understood}"
        case Searched():
            text = f"decision {event.decision}: {_searched(event)}"
        case Unsure():
            text = f"decision {event.decision}: {unsure(event)}"
        case SubgoalStarted():
            text = f"decision {event.decision}, step {event.step}: {event.subgoal}"
        case Verified():
            text = verdict(event)
        case Replanned():
            text = f"replan: {event.reason}"
        case ModelUsed():
            if not (event.spent or event.notes):
                return None
            text = f"{event.model}: {'; '.join([event.spent, *event.notes]).removeprefix('; ')}"
        case Judged():
            text = f"judged {'done' if event.reached else 'not done'}: {event.why}"
        case Answered():
            text = f"operator: {_answer(event)}"
        case Stopped():
            score = "" if event.score is None else f", score {event.score:.3g}"
            text = f"{_ending(event)} after {event.control_steps} control steps{score}: {event.reason}"
        case _:
            return None
    return plain(text)


def _answer(event: Answered) -> str:
    changes = [f"rejects {node} ({why})" for node, why in event.rejected.items()]
    if event.edited is not None:
        changes.append(f"says {event.edited[1]!r} instead of {event.edited[0]}")
    if event.picked is not None:
        changes.append(f"picks {event.picked}")
    return ", ".join(changes) or event.reason or event.say


def unsure(event: Unsure) -> str:
    said = f"expected success {event.expected_success:.0%}, less than {event.needed:.0%}"
    if len(event.ways) < 2:
        return f"{said}, and all branches end alike"
    return f"{said}; which of these? " + "; ".join(f"{node}: {words}" for node, words in event.ways.items())


def verdict(event: Verified) -> str:
    steps = "" if event.steps_to_go is None else f", {event.steps_to_go:.0f} steps to go"
    return f"{event.subgoal}: {event.outcome}{steps}"


def search_line(kind: str, details: Mapping[str, Any]) -> str:
    """A search's own event (see `planner.search`, on_event) in words."""
    depth = f"level {details['depth']}"
    match kind:
        case "level_started":
            return (
                f"{depth} of {details['horizon']}: proposing subgoals for {_count(details['beams'], 'beam')}"
            )
        case "proposed":
            return f"{depth}: imagining {_count(len(details['subgoals']), 'subgoal')}"
        case "imagined":
            return f"{depth}: judging {_count(details['clips'], 'clip')}"
        case _:
            best = f"best {details['best_steps_to_go']:.0f} steps to go"
            return f"{depth}: {best}, {_count(details['rejected'], 'branch', 'branches')} rejected"


def score(event: Observed) -> str:
    return "" if event.score is None else f"score {event.score:.3g}"


def _searched(event: Searched) -> str:
    searched = (
        f"{_count(event.clips, 'clip')}, {sum(event.rejected.values())} rejected, {event.seconds:.1f} s"
    )
    if not event.subgoals:
        mostly = max(event.rejected, key=lambda reason: event.rejected[reason], default="")
        return f"no plan ({searched}){f', mostly: {mostly}' if mostly else ''}"
    last = event.steps_to_go[-1]
    steps = "" if last is None else f", then {last:.0f} steps to go"
    sure = "" if event.expected_success is None else f", {event.expected_success:.0%} sure"
    return f"{'; '.join(event.subgoals)}{steps}{sure} ({searched})"


def _ending(event: Stopped) -> str:
    if not event.complete:
        return "stopped"
    return "complete, as the camera shows it," if event.judged_by == "camera" else "complete"


def _count(number: int, name: str, several: str | None = None) -> str:
    return f"{number} {name if number == 1 else several or name + 's'}"
