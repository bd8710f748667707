"""Verdicts of standing rules: pushes that may not be proposed, and requests that can't be fulfilled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.goals import families
from tasks.tabletop.goals.arrange import arrange
from tasks.tabletop.goals.goal import BoardGoal, LongGoal, PushGoal
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.goals.push import (
    BESIDE_REACHED,
    BLOCKS_TOUCH,
    RELATIVE_REACHED,
    SEPARATION_REACHED,
    fixed_fields,
)
from tasks.tabletop.language import canonical
from tasks.tabletop.language.instruction import Instruction
from tasks.tabletop.rules.long import long_impossible
from tasks.tabletop.rules.types import BoardRules, KeepClear, Rule, SpeedLimit
from tasks.tabletop.world.board import BOARD_CENTER

Vector = NDArray[np.float64]
Blocks = Mapping[str, Vector]
CLEARLY: Final = 0.01
"""Metres that a target lies inside an area before a push there is taken to break a rule."""
_DONE = {
    "block2block": BLOCKS_TOUCH,
    "block2relativelocation": RELATIVE_REACHED,
    "block2block_relative_location": BESIDE_REACHED,
    "separate_blocks": SEPARATION_REACHED,
}
"""Metres from the target at which a push counts as done, where its task does not say."""


def _says(rule: Rule) -> str:
    return f'a rule says "{rule.text}"'


def _within(inner: str, outer: str) -> bool:
    """Whether an area is part of another: "top_left" of "top"."""
    return set(outer.split("_")) <= set(inner.split("_"))


def _aims_into(area: str, instruction: Instruction, blocks: Blocks, depth: float, sure: bool) -> bool:
    """Whether a push brings its block more than `depth` metres into an area; `sure`: wherever it is done."""
    if instruction.family == "block2area":
        return _within(str(instruction.fields["area"]), area)
    if instruction.family == "block_off_center" or (sure and instruction.family == "block2line"):
        return False
    try:
        task = fixed_fields(instruction, blocks)
        there = families.goal(instruction, task, blocks)
    except (ValueError, KeyError):
        return False  # names a block that is not seen: what it would do is not known
    if sure:
        threshold = task.get("threshold", _DONE.get(instruction.family))
        depth += float(threshold) if isinstance(threshold, float) else 0.0
        there = np.asarray(task.get("target_xy", there), float)
    return bool(families.deep_in_area(area, there, depth))


def forbids(
    rules: BoardRules, instruction: Instruction, blocks: Mapping[str, NDArray[np.floating]]
) -> str | None:
    """Why a push may not be proposed, in one line, or None where nothing is known against it.

    `blocks`: centres [2] in metres of the blocks that are seen. A push is forbidden that moves a block which
    must stay, or whose target lies clearly inside an area that is to be kept clear and its block outside.
    """
    block = families.pushed(instruction)
    if block is None:
        return None
    if rule := rules.against_moving(block):
        return f'"{canonical(instruction)}" moves {block.replace("_", " ")}; {_says(rule)}'
    places = {name: np.asarray(xy, float) for name, xy in blocks.items()}
    for clear in _outside_of(rules, block, places):
        if _aims_into(clear.area, instruction, places, CLEARLY, sure=False):
            return f'"{canonical(instruction)}" brings a block there; {_says(clear)}'
    return None


def _outside_of(rules: BoardRules, block: str, places: Blocks, margin: float = 0.0) -> list[KeepClear]:
    """The rules for areas in which a block does not stand: one that does may stay or go anywhere in it."""
    clear = [rule for rule in rules if isinstance(rule, KeepClear)]
    return [
        rule
        for rule in clear
        if block in places and not families.deep_in_area(rule.area, places[block], -margin)
    ]


def _push_impossible(rules: BoardRules, instruction: Instruction, places: Blocks) -> str | None:
    """As `forbids`, but only where no way to do it is lawful, whatever becomes of other blocks."""
    block = families.pushed(instruction)
    if block is None:
        return None
    if rule := rules.against_moving(block):
        return f"it asks to move the {block.replace('_', ' ')}, but {_says(rule)}"
    others = [name for name in instruction.blocks() if name != block]
    # What the target hangs on could be pushed out of the area first.
    if not all(rules.against_moving(name) for name in others) or instruction.family == "separate_blocks":
        return None
    for clear in _outside_of(rules, block, places, margin=CLEARLY):
        if _aims_into(clear.area, instruction, places, CLEARLY, sure=True):
            return f"it brings the {block.replace('_', ' ')} into that area, but {_says(clear)}"
    return None


def _program_impossible(rules: BoardRules, goal: ProgramGoal, places: Blocks) -> str | None:
    """Where an arrangement was found without the rules and none was with them."""
    for number, step in enumerate(goal.program.steps):
        asked = (*goal.program.still(number), *step)
        if arrange(asked, places) is None:
            continue
        if arrange(asked, places, pinned=rules.forbidden_blocks, closed=rules.areas) is None:
            said = " and ".join(f'"{rule.text}"' for rule in rules if not isinstance(rule, SpeedLimit))
            words = " and ".join(relation.words for relation in asked)
            return f"no way was found to have {words} under the rules {said}"
    return None


def impossible(rules: BoardRules, goal: BoardGoal, blocks: Mapping[str, NDArray[np.floating]]) -> str | None:
    """Why a request can't be fulfilled under the rules, in one line, or None where it may be possible.

    `blocks`: centres [2] in metres. Says nothing unless it is sure: blocks are taken to be up to 1 cm from
    where they are seen, and a goal that seems reached already is left alone.
    """
    places = {name: np.asarray(xy, float) for name, xy in blocks.items()}
    if not rules.about_blocks or goal.reward(places, BOARD_CENTER) >= 1.0:
        return None
    if isinstance(goal, PushGoal):
        return _push_impossible(rules, goal.instruction, places)
    if isinstance(goal, ProgramGoal):
        return _program_impossible(rules, goal, places)
    return long_impossible(rules, goal, places, CLEARLY) if isinstance(goal, LongGoal) else None
