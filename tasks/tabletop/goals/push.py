"""Success of one push: pure functions of block centres in metres.

The first seven families agree with google-research/language-table's rewards, thresholds included
(every comparison is a strict `<`); the last three are our own steps towards long tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import dist, hypot
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.language.instruction import AREAS, FIELDS, GROUP, LINES, Instruction, spot_of
from tasks.tabletop.world.board import ABSOLUTE_LOCATIONS, BOARD_CENTER, BOARD_X, BOARD_Y, DIRECTIONS

BLOCKS_TOUCH: Final = 0.05
CENTER_REACHED: Final = 0.10
LOCATION_REACHED: Final = 0.115
RELATIVE_REACHED: Final = 0.10
RELATIVE_DISTANCE: Final = {"near": 0.15, "far": 0.25}
BESIDE_OFFSET: Final = 0.08
BESIDE_DIAGONAL_OFFSET: Final = 0.04
BESIDE_REACHED: Final = 0.04
BESIDE_POINTS: Final = tuple(0.5 + 0.6 * i / 9 for i in range(10))
TARGET_DRAGGED: Final = 0.05
SEPARATION: Final = 0.1
SEPARATION_REACHED: Final = 0.025
JOINED: Final = 0.08
GROUP_SIZE: Final = 3
POINTED: Final = 0.05
CORNER: Final = (0.52, -0.2248)
CORNER_REACHED: Final = 0.08
LINE_X: Final = 0.375
LINE_Y: Final = 0.0
LINE_WIDTH: Final = 0.03
LINE_SPACING: Final = 0.035
SPOT_REACHED: Final = 0.02
OFF_CENTER: Final = 0.15

Point = Sequence[float] | NDArray[np.floating[Any]]
"""(x, y) in metres."""
Blocks = Mapping[str, Point]


class _Task:
    """Reads a task mapping and the block centres; a missing name is a ValueError of one line."""

    def __init__(self, family: str, task: Mapping[str, object], blocks: Blocks) -> None:
        self.family, self.task, self.blocks = family, task, blocks

    def __getitem__(self, field: str) -> object:
        if field not in self.task:
            got = ", ".join(map(str, self.task)) or "no field"
            raise ValueError(f"expected the field {field} in a {self.family} task, got {got:.120}; add it")
        return self.task[field]

    def name(self, field: str) -> str:
        return str(self[field])

    def number(self, field: str) -> float:
        value = self[field]
        if not isinstance(value, (int, float)):
            raise ValueError(f"expected a number for {field} in a {self.family} task, got {value!r:.80}")
        return float(value)

    def point(self, field: str) -> tuple[float, float]:
        return _xy(self[field], field)

    def position(self, name: str) -> tuple[float, float]:
        if name not in self.blocks:
            got = ", ".join(self.blocks) or "none"
            raise ValueError(f"expected the block {name} on the table for {self.family}, got {got:.160}")
        return _xy(self.blocks[name], name)

    def block(self, field: str = "block") -> tuple[float, float]:
        return self.position(self.name(field))

    def avoided(self) -> tuple[float, float]:
        """The mean of the blocks to be separated from."""
        names = self["avoid_blocks"]
        if not isinstance(names, (list, tuple)) or not names:
            raise ValueError(f"expected one or more block names for avoid_blocks, got {names!r:.80}")
        points = [self.position(str(name)) for name in names]
        return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)


def _xy(value: Any, what: str) -> tuple[float, float]:
    try:
        x, y = value
        return float(x), float(y)
    except (TypeError, ValueError):
        raise ValueError(f"expected (x, y) in metres for {what}, got {value!r:.80}") from None


def direction_vector(direction: str) -> tuple[float, float]:
    """The unit vector (x, y) of "left", "diagonal_up_left", ...; ValueError when unknown."""
    vector = DIRECTIONS.get(direction)
    if vector is None:
        raise ValueError(f"expected a direction such as left or diagonal_up_left, got {direction!r:.80}")
    return vector[0] / hypot(*vector), vector[1] / hypot(*vector)


def beside_points(target: Point, direction: str) -> tuple[tuple[float, float], ...]:
    """The ten points beside a target block, any of which a block may reach; metres."""
    unit = direction_vector(direction)
    diagonal = unit[0] != 0 and unit[1] != 0
    # The reference steps 0.04 in each axis on a diagonal, so it does not keep the length of 0.08.
    length = hypot(BESIDE_DIAGONAL_OFFSET, BESIDE_DIAGONAL_OFFSET) if diagonal else BESIDE_OFFSET
    step = (unit[0] * length, unit[1] * length)
    return tuple((target[0] + k * step[0], target[1] + k * step[1]) for k in BESIDE_POINTS)


def in_area(area: str, xy: Point) -> bool:
    """Whether a point lies on the board and strictly within that quarter or half of it.

    Raises ValueError for an unknown area.
    """
    if area not in AREAS:
        raise ValueError(f"expected an area among {', '.join(AREAS)}; got {area!r:.80}")
    x, y = xy
    inside = {"top": x < BOARD_CENTER[0], "bottom": x > BOARD_CENTER[0]}
    inside |= {"left": y < BOARD_CENTER[1], "right": y > BOARD_CENTER[1]}
    on_board = BOARD_X[0] <= x <= BOARD_X[1] and BOARD_Y[0] <= y <= BOARD_Y[1]
    return bool(on_board and all(inside[side] for side in area.split("_")))


def on_line(line: str, block: str, blocks: Blocks) -> bool:
    """Whether a block stands on a middle line, with room along it to the others on that line.

    Raises ValueError for an unknown line.
    """
    if line not in LINES:
        raise ValueError(f"expected a line among {', '.join(LINES)}; got {line!r:.80}")
    across, middle = (1, LINE_Y) if line == "vertical" else (0, LINE_X)
    along = 1 - across
    near = [name for name in blocks if abs(blocks[name][across] - middle) < LINE_WIDTH]
    return block in near and not any(
        abs(blocks[name][along] - blocks[block][along]) < LINE_SPACING for name in near if name != block
    )


def _block2block(t: _Task, effector: Point) -> bool:
    return dist(t.block("start_block"), t.block("target_block")) < BLOCKS_TOUCH


def _location(t: _Task, effector: Point) -> bool:
    return dist(t.block(), t.point("target_xy")) < t.number("threshold")


def _relative(t: _Task, effector: Point) -> bool:
    return dist(t.block(), t.point("target_xy")) < RELATIVE_REACHED


def _beside(t: _Task, effector: Point) -> bool:
    block, target = t.block(), t.block("target_block")
    reached = any(dist(block, p) < BESIDE_REACHED for p in beside_points(target, t.name("direction")))
    return reached and dist(target, t.point("target_block_initial_xy")) <= TARGET_DRAGGED


def _separate(t: _Task, effector: Point) -> bool:
    # The target lies SEPARATION from the mean on the block's own ray, so only the distance counts.
    return abs(dist(t.block(), t.avoided()) - SEPARATION) < SEPARATION_REACHED


def _point(t: _Task, effector: Point) -> bool:
    return dist(_xy(effector, "effector_target_xy"), t.block()) < POINTED


def _area(t: _Task, effector: Point) -> bool:
    return in_area(t.name("area"), t.block())


def _line(t: _Task, effector: Point) -> bool:
    t.block()
    return on_line(t.name("line"), t.name("block"), t.blocks)


def _off_center(t: _Task, effector: Point) -> bool:
    return dist(t.block(), BOARD_CENTER) > OFF_CENTER


_RULES: Final[Mapping[str, Callable[[_Task, Point], bool]]] = {
    "block2block": _block2block,
    "block2absolutelocation": _location,
    "block2relativelocation": _relative,
    "block2block_relative_location": _beside,
    "separate_blocks": _separate,
    "point2block": _point,
    "block1_to_corner": _location,
    "block2area": _area,
    "block2line": _line,
    "block_off_center": _off_center,
    "block2spot": _location,
}


def succeeded(family: str, task: Mapping[str, object], blocks: Blocks, effector_target_xy: Point) -> bool:
    """Whether one push is done, given all block centres and the effector's set point (x, y), metres.

    `task` holds the family's fields and the numbers fixed at reset (see `fixed_fields`).
    Raises ValueError for an unknown family, a missing field or a block that is not on the table.
    """
    rule = _RULES.get(family)
    if rule is None:
        raise ValueError(f"expected a family among {', '.join(FIELDS)}; got {family!r:.80}")
    return rule(_Task(family, task, blocks), effector_target_xy)


def _group(block: str, blocks: Blocks) -> list[str]:
    """The blocks that "the group" means: those joined to the block, at least the nearest three."""
    others = sorted((dist(blocks[block], blocks[name]), name) for name in blocks if name != block)
    joined = sum(distance < JOINED for distance, _ in others)
    return [name for _, name in others[: max(joined, GROUP_SIZE)]]


def _relative_fields(t: _Task) -> dict[str, object]:
    start, unit = t.block(), direction_vector(t.name("direction"))
    length = RELATIVE_DISTANCE[t.name("distance_mode")]
    target = [start[0] + unit[0] * length, start[1] + unit[1] * length]
    return {"block_initial_xy": list(start), "target_xy": target}


def _separate_fields(instruction: Instruction, t: _Task) -> dict[str, object]:
    block, avoid = t.name("block"), instruction.fields["avoid_blocks"]
    names = _group(block, t.blocks) if avoid == GROUP else list(avoid)
    if not names or block in names:
        raise ValueError(f"expected other blocks to separate {block} from, got {', '.join(names) or 'none'}")
    return {"avoid_blocks": names}


def fixed_fields(instruction: Instruction, blocks: Blocks) -> dict[str, object]:
    """The task mapping of an instruction for a layout at reset: its fields and the numbers they fix.

    "The group" becomes the blocks within 0.08 m of the block, and at least the three nearest.
    Raises ValueError when a block is not on the table or is to be separated from itself.
    """
    family = instruction.family
    task: dict[str, object] = dict(instruction.fields)
    t = _Task(family, task, blocks)
    for name in instruction.blocks():
        t.position(name)
    if family == "block2absolutelocation":
        reached = CENTER_REACHED if task["location"] == "center" else LOCATION_REACHED
        task |= {"target_xy": list(ABSOLUTE_LOCATIONS[t.name("location")]), "threshold": reached}
    elif family == "block1_to_corner":
        task |= {"target_xy": list(CORNER), "threshold": CORNER_REACHED}
    elif family == "block2spot":
        task |= {"target_xy": list(spot_of(t.name("spot"))), "threshold": SPOT_REACHED}
    elif family == "block2relativelocation":
        task |= _relative_fields(t)
    elif family == "block2block_relative_location":
        task["target_block_initial_xy"] = list(t.block("target_block"))
    elif family == "separate_blocks":
        task |= _separate_fields(instruction, t)
    return task
