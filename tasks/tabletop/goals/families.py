"""One-push tasks: what can be asked of a board, and where the oracle should bring the block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.demos.oracle import REACH_HIGH, REACH_LOW, unit
from tasks.tabletop.language.instruction import AREAS, Instruction
from tasks.tabletop.world import board

Vector = NDArray[np.float64]
Blocks = Mapping[str, Vector]
Fields = dict[str, str | tuple[str, ...]]

REFERENCE_FAMILIES = (
    "block2block",
    "block2absolutelocation",
    "block2relativelocation",
    "block2block_relative_location",
    "separate_blocks",
    "point2block",
    "block1_to_corner",
)
EXTENSION_FAMILIES = ("block2area", "block2line", "block_off_center")
"""Our own families, which leave a choice where to bring the block."""
FAMILIES = REFERENCE_FAMILIES + EXTENSION_FAMILIES
LINE_SLOTS = {
    "vertical": np.stack([np.linspace(0.178, 0.542, 8), np.zeros(8)], axis=1),
    "horizontal": np.stack([np.full(8, 0.375), np.linspace(-0.24, 0.24, 8)], axis=1),
}
"""Where blocks of a line may stand, [8, 2] metres."""
_LINE_GAP, _ZIGZAG = 0.0351, 0.016
"""Metres along a line between the slots of more blocks than that, and how far beside it they stand in turn:
in one row they would touch."""
_AREA_GRID = np.stack(
    np.meshgrid(np.linspace(0.195, 0.538, 13), np.linspace(-0.252, 0.252, 19), indexing="ij"), axis=-1
).reshape(-1, 2)


def line_slots(line: str, count: int) -> Vector:
    """Slots for `count` blocks or more on a line, [max(8, count), 2] metres, in their order along it."""
    slots = LINE_SLOTS[line]
    if count <= len(slots):
        return slots
    along = 0 if line == "vertical" else 1
    low, high = (board.BOARD_X, board.BOARD_Y)[along]
    extent = max(float(np.ptp(slots[:, along])), _LINE_GAP * (count - 1))
    first = np.clip(slots[:, along].mean() - extent / 2, low, max(low, high - extent))
    places = np.tile(slots.mean(0), (count, 1))
    places[:, along] = np.linspace(first, first + extent, count)
    places[:, 1 - along] += np.where(np.arange(count) % 2, _ZIGZAG, -_ZIGZAG)
    return np.asarray(places)


def deep_in_area(area: str, xy: Vector, margin: float) -> NDArray[np.bool_]:
    """Which points [..., 2] lie in an area, more than `margin` metres from its border to the other areas.

    The board's outer edge is not looked at; `tasks.tabletop.goals.push.in_area` gives the verdict.
    """
    x, y = xy[..., 0] - board.BOARD_CENTER[0], xy[..., 1] - board.BOARD_CENTER[1]
    inside = np.ones(np.shape(x), bool)
    for word, beyond in (("top", -x), ("bottom", x), ("left", -y), ("right", y)):
        if word in area.split("_"):
            inside &= beyond > margin
    return inside


def _reachable(point: Vector) -> Vector:
    return np.clip(point, REACH_LOW, REACH_HIGH)


def _free(points: Vector, blocks: Blocks, name: str, gap: float) -> NDArray[np.bool_]:
    others = np.array([xy for other, xy in blocks.items() if other != name]).reshape(-1, 2)
    return np.asarray((np.linalg.norm(points[:, None] - others[None], axis=-1) > gap).all(1))


def spots(instruction: Instruction, blocks: Blocks) -> Vector:
    """Free points [K, 2] that would fulfil an area, line or off-centre instruction, nearest first."""
    name = str(instruction.fields["block"])
    depth: Vector | float = 0.0
    if instruction.family == "block2line":
        points, gaps = LINE_SLOTS[str(instruction.fields["line"])], (0.045, 0.040)
    else:
        points, gaps = _AREA_GRID, (0.062, 0.053)
        from_center = points - board.BOARD_CENTER
        inside = np.linalg.norm(from_center, axis=1) > 0.17
        if instruction.family == "block2area":
            inside = deep_in_area(str(instruction.fields["area"]), points, 0.02)
            # Deep spots first: a block near the border would bar the way of the next.
            depth = -0.5 * np.abs(from_center).sum(1) * inside
        points = points[inside]
        depth = depth[inside] if isinstance(depth, np.ndarray) else depth
    cost = np.linalg.norm(points - blocks[name], axis=1) + depth
    for gap in gaps:
        free = _free(points, blocks, name, gap)
        if free.any():
            break
    return points[free][np.argsort(cost[free])]


def _toward_spot(instruction: Instruction, blocks: Blocks, spot: Vector | None) -> Vector:
    if spot is not None:
        return spot
    free = spots(instruction, blocks)
    return free[0] if len(free) else blocks[str(instruction.fields["block"])]


def goal(
    instruction: Instruction, task: Mapping[str, object], blocks: Blocks, spot: Vector | None = None
) -> Vector:
    """Where the block (for point2block: the pusher) should come to rest, [2] metres.

    Args:
        task: the fields fixed at reset, see `tasks.tabletop.goals.push.fixed_fields`.
        spot: the free point chosen at reset for area, line and off-centre families.
    """
    family, fields = instruction.family, instruction.fields
    if family in EXTENSION_FAMILIES:
        return _toward_spot(instruction, blocks, spot)
    if family == "block2block":
        here, there = blocks[str(fields["start_block"])], blocks[str(fields["target_block"])]
        return there + 0.038 * unit(here - there)
    here = blocks[str(fields["block"])]
    if family in ("block2absolutelocation", "block1_to_corner", "block2relativelocation", "block2spot"):
        return _reachable(np.asarray(task["target_xy"], float))
    if family == "block2block_relative_location":
        there = blocks[str(fields["target_block"])]
        return there + 0.075 * unit(np.array(board.DIRECTIONS[str(fields["direction"])]))
    if family == "separate_blocks":
        avoid = task["avoid_blocks"]
        assert isinstance(avoid, (list, tuple))
        center = np.mean([blocks[name] for name in avoid], axis=0)
        return _reachable(center + 0.1 * unit(here - center))
    raise ValueError(f"expected a family that moves a block, got {family!r}")


def pushed(instruction: Instruction) -> str | None:
    """The block that an instruction wants moved, or None for point2block."""
    if instruction.family == "point2block":
        return None
    return str(instruction.fields.get("start_block", instruction.fields.get("block")))


def _choose(rng: np.random.Generator, items: Sequence[str]) -> str:
    return str(items[int(rng.integers(len(items)))])


def _draw_fields(family: str, rng: np.random.Generator, names: Sequence[str], blocks: Blocks) -> Fields:
    block = _choose(rng, names)
    others = [name for name in names if name != block]
    fields: dict[str, Fields] = {
        "block2block": {"start_block": block, "target_block": _choose(rng, others)},
        "block2absolutelocation": {"block": block, "location": _choose(rng, list(board.ABSOLUTE_LOCATIONS))},
        "block2relativelocation": {
            "block": block,
            "direction": _choose(rng, list(board.DIRECTIONS)),
            "distance_mode": _choose(rng, ("near", "far")),
        },
        "block2block_relative_location": {
            "block": block,
            "target_block": _choose(rng, others),
            "direction": _choose(rng, list(board.DIRECTIONS)),
        },
        "point2block": {"block": block},
        "block1_to_corner": {"block": block, "location": "bottom_left"},
        "block2area": {"block": block, "area": _choose(rng, AREAS)},
        "block2line": {"block": block, "line": _choose(rng, tuple(LINE_SLOTS))},
        "block_off_center": {"block": block},
    }
    if family == "separate_blocks":
        near = sorted(others, key=lambda name: float(np.linalg.norm(blocks[name] - blocks[block])))
        count = int(rng.integers(1, min(3, len(near)) + 1))
        return {"block": block, "avoid_blocks": tuple(sorted(near[:count]))}
    return fields[family]


def draw(family: str, rng: np.random.Generator, blocks: Blocks) -> Instruction:
    """An instruction of a family about the blocks on the board, feasible or not (see `feasible`)."""
    return Instruction(family, _draw_fields(family, rng, sorted(blocks), blocks))


def feasible(instruction: Instruction, task: Mapping[str, object], blocks: Blocks) -> bool:
    """Whether the oracle has a clear place to bring the block to, a real push away."""
    name = pushed(instruction)
    if name is None:
        return True
    if instruction.family in EXTENSION_FAMILIES:
        return len(spots(instruction, blocks)) > 0
    there = goal(instruction, task, blocks)
    if np.abs(there - _reachable(there)).max() > 0.005 or np.linalg.norm(there - blocks[name]) < 0.03:
        return False
    target = task.get("target_xy")
    if target is not None and np.linalg.norm(there - np.asarray(target, float)) > 0.085:
        return False
    near = [name, str(instruction.fields.get("target_block", name))]
    rest = {other: xy for other, xy in blocks.items() if other not in near}
    gap = 0.03 if instruction.family == "block2block" else 0.05
    return bool(_free(there[None], rest, name, gap)[0])
