"""`python -m vlp.evaluate.tabletop.understanding`: how sentences are understood that were written down, with
what each means, before there was a parser; and what is suggested for those that are refused.

Writes results/understanding.json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.domain import AmbiguousInstruction
from tasks.tabletop.goals import ClearTheCenter, GroupBy, MakeLine, MoveToArea, SortToCorners
from tasks.tabletop.goals.arrange import arrange
from tasks.tabletop.goals.goal import BoardGoal, LongGoal, PushGoal, understand
from tasks.tabletop.goals.program import ProgramGoal, Step
from tasks.tabletop.goals.relations import (
    Apart,
    AreaClear,
    AtPlace,
    Between,
    Circle,
    Corners,
    InArea,
    Line,
    Long,
    Near,
    NotMoved,
    Relation,
    Row,
    Side,
    SomeOf,
    Swapped,
    Together,
)
from tasks.tabletop.world.board import color_of, shape_of
from tasks.tabletop.world.layout import random_layout
from vlp.bench.stats import share
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.evaluate.tabletop.suggested import measured

Blocks = Mapping[str, NDArray[np.float64]]
SENTENCES: Final = Path("tests/tasks/tabletop/goals/sentences.json")
Meaning = str | tuple[Step, ...]
"""A push in its plain words, or the steps of a program."""


@dataclass(frozen=True)
class UnderstandingOptions:
    """Options of the measurement."""

    sentences: Path = SENTENCES
    seed: int = FIRST_SEED
    """Of the board."""


def chosen(text: str, blocks: Blocks) -> tuple[str, ...]:
    """Blocks of a label's set: "red+star-red_moon"; all, a colour, a shape, a name."""
    found: set[str] = set()
    for sign, word in re.findall(r"([+-]?)([a-z_]+)", text.strip("() ")):
        some = {n for n in blocks if word in (n, "all", color_of(n), shape_of(n))}
        assert some, f"expected blocks on the board, got {word}"
        found = found - some if sign == "-" else found | some
    return tuple(sorted(found))


def _each(text: str, blocks: Blocks, make: Any) -> Relation:
    """A relation of a set, or of any so many: "2*red"."""
    count, star, some = text.partition("*")
    if not star:
        return make(chosen(text, blocks))  # type: ignore[no-any-return]
    names = chosen(some, blocks)
    if int(count) == len(names):
        return make(names)  # type: ignore[no-any-return]
    return SomeOf(tuple(make(some) for some in combinations(names, int(count))))


def labelled(text: str, blocks: Blocks) -> Relation:
    """The relation that a label names, such as "in(red, left)"."""
    name, inner = text.strip().split("(", 1)
    args = [arg.strip() for arg in inner.rsplit(")", 1)[0].split(",") if arg.strip()]
    everyone = tuple(sorted(blocks))

    def stood(names: Sequence[str]) -> Any:
        return tuple((float(blocks[n][0]), float(blocks[n][1])) for n in names)

    def set_of(number: int) -> tuple[str, ...]:
        return chosen(args[number], blocks)

    match name:
        case "in":
            return _each(args[0], blocks, lambda who: InArea(who, args[1]))
        case "near":
            return _each(args[0], blocks, lambda who: Near(who, set_of(1)))
        case "together":
            return Together(set_of(0))
        case "side":
            return Side(set_of(0), args[1], set_of(2))
        case "between":
            return Between(set_of(0), (args[1], args[2]))
        case "apart":
            return Apart(set_of(0), set_of(1) if len(args) > 1 else ())
        case "line":
            return Line(set_of(0), args[1], args[2])
        case "row":
            return Row(tuple(args[0].split()), args[1])
        case "circle":
            return Circle(set_of(0))
        case "around":
            return Circle(set_of(0), args[1])
        case "corners":
            return Corners(set_of(0), args[1])
        case "swapped":
            return Swapped((args[0], args[1]), stood(args))
        case "at":
            x, y, near = (float(arg) / 100 for arg in args[1:])
            return AtPlace(args[0], x, y, near)
        case "offset":
            end = blocks[args[0]] + np.array([float(arg) / 100 for arg in args[1:]])
            return AtPlace(args[0], float(end[0]), float(end[1]))
        case "still":
            return NotMoved(set_of(0), stood(set_of(0)))
        case "clear":
            return AreaClear(everyone, args[0])
        case "groups":
            return Long(GroupBy(args[0]), everyone)
        case "corners_by_color":
            return Long(SortToCorners(), everyone)
    raise ValueError(f"expected a known label, got {text!r}")


def meant(label: str, blocks: Blocks) -> Meaning:
    """The meaning that a label gives."""
    if label.startswith("push:"):
        return label.removeprefix("push:").strip()
    return tuple(tuple(labelled(r, blocks) for r in step.split(" & ")) for step in label.split(" then "))


def meaning(goal: BoardGoal, blocks: Blocks) -> Meaning:
    """What a goal asks."""
    everyone = tuple(sorted(blocks))
    if isinstance(goal, PushGoal):
        return goal.text
    if isinstance(goal, ProgramGoal):
        return goal.program.steps
    assert isinstance(goal, LongGoal)
    match goal.task:
        case MoveToArea(area=area):
            return ((InArea(everyone, area),),)
        case MakeLine(line=line):
            return ((Line(everyone, line, "middle"),),)
        case ClearTheCenter():
            return ((AreaClear(everyone, "center"),),)
    return ((Long(goal.task, everyone),),)


def _plain(relation: Relation) -> Any:
    """A relation with its sets in one order, and numbers to a tenth of a millimetre."""
    if isinstance(relation, SomeOf):
        return "some", frozenset(map(_plain, relation.choices))
    found = []
    for name, value in vars(relation).items():
        if name in ("said", "others_said", "ends_said", "moved"):
            continue
        if name == "order" or not isinstance(value, tuple):
            found.append((name, round(value, 4) if isinstance(value, float) else value))
        elif name in ("pair", "stood"):
            found.append((name, frozenset(value)))
        else:
            found.append((name, tuple(sorted(value))))
    return type(relation).__name__, tuple(found)


def same(one: Meaning, other: Meaning) -> bool:
    """Whether two meanings are one."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return [frozenset(map(_plain, step)) for step in one] == [frozenset(map(_plain, step)) for step in other]


def opposite(goal: Meaning, labels: Sequence[Meaning], blocks: Blocks) -> bool:
    """Whether a wrong reading can't be true along with any that is right."""
    if isinstance(goal, str) or any(isinstance(label, str) for label in labels):
        return True
    return all(
        arrange([*goal[-1], *label[-1]], blocks) is None for label in labels if not isinstance(label, str)
    )


def verdict(entry: Mapping[str, Any], blocks: Blocks) -> tuple[str, str]:
    """What became of one sentence, and what was said: right, wrong, opposite, or refused. One that is to be
    refused or asked about and is carried out is wrong, and opposite where it forbids or sets a condition."""
    try:
        goal = understand(entry["say"], blocks)
    except AmbiguousInstruction as error:
        if "ask" not in entry:
            return "refused", f"asks: {error}"
        asked = [meaning(understand(reading, blocks), blocks) for reading in error.readings]
        wanted = [meant(label, blocks) for label in entry["ask"]]
        whole = len(asked) == len(wanted) and all(any(same(a, w) for w in wanted) for a in asked)
        return ("right" if whole else "wrong"), str(error)
    except ValueError as error:
        return ("right" if "refuse" in entry else "refused"), str(error)
    read = f"{type(goal).__name__}: {goal.text}"
    if "refuse" in entry:
        forbids = re.search(r"\b(not|n't|never|only|unless|if|before|nothing|no)\b", entry["say"])
        return ("opposite" if forbids else "wrong"), read
    labels = [meant(label, blocks) for label in entry.get("means", entry.get("ask"))]
    if "means" in entry and any(same(meaning(goal, blocks), label) for label in labels):
        return "right", read
    return ("opposite" if opposite(meaning(goal, blocks), labels, blocks) else "wrong"), read


def main(options: UnderstandingOptions) -> None:
    """Measure."""
    layout, _ = random_layout(np.random.default_rng(options.seed))
    blocks = {name: np.array(pose[:2]) for name, pose in layout.items()}
    entries = json.loads(options.sentences.read_text(encoding="utf-8"))
    found = [(entry, *verdict(entry, blocks)) for entry in entries]
    kinds = ("right", "wrong", "opposite", "refused")
    write(
        "understanding" if options.sentences == SENTENCES else f"understanding_{options.sentences.stem}",
        {
            "sentences": len(entries),
            "to_be_refused": sum("refuse" in entry for entry in entries),
            "to_be_asked_about": sum("ask" in entry for entry in entries),
            "seed": options.seed,
            **{kind: share([verdict == kind for _, verdict, _ in found]) for kind in kinds},
            "not_right": [
                {"say": entry["say"], "verdict": verdict, "answer": answer[:300]}
                for entry, verdict, answer in found
                if verdict != "right"
            ],
            "suggested": measured([entry["say"] for entry in entries], blocks),
        },
    )


if __name__ == "__main__":
    run_main(main, UnderstandingOptions)
