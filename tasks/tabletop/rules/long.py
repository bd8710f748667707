"""Long tasks that standing rules leave no way to finish."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.goals import ClearTheCenter, GroupBy, MakeLine, MoveToArea, SortToCorners
from tasks.tabletop.goals.area import CORNER_OF, area_words
from tasks.tabletop.goals.families import deep_in_area
from tasks.tabletop.goals.goal import LongGoal
from tasks.tabletop.goals.group import GROUPED
from tasks.tabletop.goals.push import LINE_WIDTH, LINE_X, LINE_Y, OFF_CENTER
from tasks.tabletop.rules.types import BoardRules, Rule, listed
from tasks.tabletop.world.board import BOARD_CENTER, color_of, shape_of, words_of

Vector = NDArray[np.float64]
Blocks = Mapping[str, Vector]
_TRIES = 16
"""Boards shaken by the eye's error that must all miss the goal before it is said to be missed."""


def _clearly_out(area: str, xy: Vector, margin: float) -> bool:
    return not deep_in_area(area, xy, -margin)


def _to_areas(rules: BoardRules, blocks: Blocks, wanted: Mapping[str, str], margin: float) -> str | None:
    """For tasks that want each block in an area: a block that may not go there, or not move at all."""
    for name, area in wanted.items():
        rule = rules.against_moving(name)
        if rule and _clearly_out(area, blocks[name], margin):
            return _stays(name, f"outside the {area_words(area)}", rule)
        for clear in rules.areas:
            part = set(clear.split("_")) <= set(area.split("_"))
            if part and _clearly_out(clear, blocks[name], margin):
                return (
                    f"the {words_of(name)} would have to go to the {area_words(area)}, "
                    f'but a rule says "keep the {area_words(clear)} clear"'
                )
    return None


def _stays(name: str, where: str, rule: Rule) -> str:
    return f'the {words_of(name)} is {where}, and a rule says "{rule.text}"'


def _center(rules: BoardRules, blocks: Blocks, margin: float) -> str | None:
    for name in rules.forbidden_blocks:
        rule = rules.against_moving(name)
        if rule and name in blocks and np.linalg.norm(blocks[name] - BOARD_CENTER) < OFF_CENTER - margin:
            return _stays(name, "in the center", rule)
    return None


def _line(line: str, rules: BoardRules, blocks: Blocks, margin: float) -> str | None:
    for name in rules.forbidden_blocks:
        rule = rules.against_moving(name)
        if rule is None or name not in blocks:
            continue
        x, y = blocks[name]
        off = abs(y - LINE_Y) if line == "vertical" else abs(x - LINE_X)
        if off > LINE_WIDTH + margin:
            return _stays(name, f"off the {line} line", rule)
    return None


def _pairs(attribute: str, rules: BoardRules, blocks: Blocks, margin: float) -> str | None:
    of = color_of if attribute == "color" else shape_of
    names = [name for name in rules.forbidden_blocks if name in blocks]
    for k, first in enumerate(names):
        for second in names[k + 1 :]:
            pair = [name for name in blocks if of(name) == of(first)]
            apart = float(np.linalg.norm(blocks[first] - blocks[second]))
            if of(first) == of(second) and len(pair) == 2 and apart > GROUPED + 2 * margin:
                return (
                    f"{listed((first, second))} are {apart:.2f} m apart, and rules say that neither may move"
                )
    return None


def _nothing_moves(rules: BoardRules, goal: LongGoal, blocks: Blocks, margin: float) -> str | None:
    """Every block must stay, and the goal is missed however the eye may be off."""
    if not blocks or not set(blocks) <= set(rules.forbidden_blocks):
        return None
    shifts = np.random.default_rng(0).uniform(-margin / 2, margin / 2, (_TRIES, len(blocks), 2))
    for shift in (np.zeros((len(blocks), 2)), *shifts):
        shaken = {name: xy + off for (name, xy), off in zip(blocks.items(), shift, strict=True)}
        if goal.reward(shaken, BOARD_CENTER) >= 1.0:
            return None
    return "no block on the table may be moved, and the goal is not reached"


def long_impossible(rules: BoardRules, goal: LongGoal, blocks: Blocks, margin: float) -> str | None:
    """Why the rules leave no way to finish a long task, or None where they may.

    `blocks`: centres [2] in metres, each of which may be off by `margin` metres.
    """
    task, found = goal.task, None
    if isinstance(task, MoveToArea):
        found = _to_areas(rules, blocks, {name: task.area for name in blocks}, margin)
    elif isinstance(task, SortToCorners):
        found = _to_areas(rules, blocks, {name: CORNER_OF[color_of(name)] for name in blocks}, margin)
    elif isinstance(task, ClearTheCenter):
        found = _center(rules, blocks, margin)
    elif isinstance(task, MakeLine):
        found = _line(task.line, rules, blocks, margin)
    elif isinstance(task, GroupBy):
        found = _pairs(task.attribute, rules, blocks, margin)
    return found or _nothing_moves(rules, goal, blocks, margin)
