"""A scripted oracle that sees the state: it brings one block, or the pusher itself, to a point.

It is a feedback law without memory, so that it can also say what to do in any disturbed state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.route import route
from tasks.tabletop.world import board

Vector = NDArray[np.float64]
_LOW = np.array([board.EFFECTOR_X[0], board.EFFECTOR_Y[0]])
_HIGH = np.array([board.EFFECTOR_X[1], board.EFFECTOR_Y[1]])
REACH_LOW = _LOW + np.array([0.035, 0.04])
REACH_HIGH = np.array([0.553, 0.265])
"""Corners of the region in which a block can be pushed any way."""


@dataclass(frozen=True)
class Style:
    """How a push is carried out; varied so that demonstrations are varied."""

    approach_speed: float = 0.045
    """Metres a control step, away from blocks."""
    push_speed: float = 0.018
    """Metres a control step, in contact."""
    standoff: float = 0.052
    """Metres between the block's centre and the point behind it where the push begins."""
    clearance: float = 0.047
    """Metres kept between the pusher's centre and other blocks' centres."""
    block_clearance: float = 0.056
    """Metres kept between the pushed block's centre and other blocks' centres."""

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Style:
        """A style drawn at random."""
        return cls(
            approach_speed=float(rng.uniform(0.03, 0.055)),
            push_speed=float(rng.uniform(0.013, 0.021)),
            standoff=float(rng.uniform(0.049, 0.058)),
            clearance=float(rng.uniform(0.045, 0.052)),
            block_clearance=float(rng.uniform(0.053, 0.062)),
        )


def unit(vector: Vector) -> Vector:
    """The vector scaled to length 1; zero stays zero."""
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _toward(here: Vector, there: Vector, speed: float) -> Vector:
    gap = there - here
    return gap * min(1.0, speed / max(float(np.linalg.norm(gap)), 1e-9))


def _others(blocks: Mapping[str, Vector], *names: str) -> Vector:
    rest = [xy for name, xy in blocks.items() if name not in names]
    return np.array(rest).reshape(-1, 2)


def reach(blocks: Mapping[str, Vector], effector: Vector, point: Vector, style: Style) -> Vector:
    """The next set-point change [2], metres, on a way to `point` round the blocks."""
    obstacles = _others(blocks)
    for clearance in (style.clearance, 0.8 * style.clearance):
        way, clear = route(effector, point, obstacles, clearance=clearance, low=_LOW, high=_HIGH)
        if clear:
            break
    near = len(obstacles) and np.linalg.norm(obstacles - effector, axis=1).min() < style.clearance + 0.008
    speed = 0.6 * style.approach_speed if near else style.approach_speed
    return _toward(effector, way[0], speed)


def _push_direction(
    blocks: Mapping[str, Vector], name: str, goal: Vector, style: Style
) -> tuple[Vector, float]:
    """Which way to push now [2] and how far the next bend is, metres."""
    here = blocks[name]
    others = _others(blocks, name)
    way, clear = route(here, goal, others, clearance=style.block_clearance, low=REACH_LOW, high=REACH_HIGH)
    if not clear:
        way, _ = route(
            here, goal, others, clearance=0.75 * style.block_clearance, low=REACH_LOW, high=REACH_HIGH
        )
    gaps = way - here
    lengths = np.linalg.norm(gaps, axis=1)
    # A bend nearer than this would turn the push about before the block can follow.
    bend = int(np.argmax(lengths > 0.015)) if (lengths > 0.015).any() else len(way) - 1
    return unit(gaps[bend]), float(lengths[bend])


def _behind(here: Vector, direction: Vector, others: Vector, style: Style) -> tuple[Vector, Vector]:
    """Where to begin the push, and the direction that this really gives; bent where the board ends
    or another block stands in the way."""
    best, best_cost = direction, np.inf
    for turn in np.deg2rad([0, 25, -25, 50, -50, 75, -75]):
        cos, sin = np.cos(turn), np.sin(turn)
        bent = np.array([cos * direction[0] - sin * direction[1], sin * direction[0] + cos * direction[1]])
        spot = here - style.standoff * bent
        outside = float(np.maximum(np.maximum(_LOW - spot, spot - _HIGH), 0).sum())
        crowd = max(0.0, 0.036 - float(np.linalg.norm(others - spot, axis=1).min())) if len(others) else 0.0
        cost = abs(turn) * 0.01 + 20 * outside + 5 * crowd
        if cost < best_cost:
            best, best_cost = bent, cost
    return np.clip(here - style.standoff * best, _LOW, _HIGH), best


def push(blocks: Mapping[str, Vector], effector: Vector, name: str, goal: Vector, style: Style) -> Vector:
    """The next set-point change [2], metres, that brings block `name` to `goal`.

    Args:
        blocks: centres of all blocks on the board, metres.
        effector: the pusher's set point, metres.
    """
    here = blocks[name]
    direction, gap = _push_direction(blocks, name, goal, style)
    spot, direction = _behind(here, direction, _others(blocks, name), style)
    offset = effector - here
    along = -float(offset @ direction)
    normal = np.array([-direction[1], direction[0]])
    lateral = float(offset @ normal)
    aligned = along > 0.012 and along < style.standoff + 0.02 and abs(lateral) < 0.3 * along + 0.004
    if aligned:
        contact = along < 0.047
        speed = min(style.push_speed, max(0.5 * gap, 0.003)) if contact else style.push_speed
        step = speed * direction - np.clip(0.6 * lateral, -0.012, 0.012) * normal
        return np.asarray(np.clip(effector + step, _LOW, _HIGH) - effector)
    return np.clip(effector + reach(blocks, effector, spot, style), _LOW, _HIGH) - effector
