"""Detours: a way round for a pusher that gets no nearer to where it should be.

A clip may show the pusher on the other side of a row a frame later; the policy then runs to and fro before
the row, and the shield looks one step ahead only. Such a pusher is taken behind the block that it is to
push on the shortest way round all blocks (`tasks.route`), and the policy goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from executors.tabletop.deviation import Seen
from tasks.route import route
from tasks.tabletop.world import board

Vector = NDArray[np.float64]
_LOW, _HIGH = np.array([board.EFFECTOR_X, board.EFFECTOR_Y]).T


@dataclass(frozen=True)
class DetourConfig:
    """When a pusher is led round, and how."""

    patience: int = 7
    """Control steps in which it should get nearer,"""
    nearer: float = 0.01
    """by so many metres,"""
    far: float = 0.03
    """as long as it is further away than this, metres."""
    arrived: float = 0.015
    """Metres at which the policy takes over again."""
    pushed: float = 0.01
    """Metres that a block must have to go to be one to be pushed."""
    standoff: float = 0.052
    """Metres between its centre and where the push begins."""
    near: float = 0.075
    """A pusher that is this near to its block, metres,"""
    facing: float = 0.5
    """and behind it, by the cosine, is where it should be."""
    clearances: tuple[float, ...] = (0.047, 0.038, 0.033)
    """Metres kept between the pusher's centre and blocks' centres; the next where one leaves no way."""
    speed: float = 0.045
    """Metres a control step."""
    most: int = 2
    """Ways round a clip."""
    longest: int = 40
    """Control steps a way."""


class Detour:
    """Leads the pusher round while a clip is followed; one for each clip."""

    def __init__(self, config: DetourConfig | None = None) -> None:
        self.config = config or DetourConfig()
        self._begun, self._steps = 0, 0
        self._under_way = False

    def action(
        self, trail: Sequence[NDArray[np.float32]], target: Vector, seen: Seen, now: Seen, last: Seen
    ) -> NDArray[np.float32] | None:
        """The set-point change [2] in metres from set point `target` [2], or None where the policy is to act.

        `trail` is where the pusher was on its way to the frame that it follows; `seen`, and what that frame
        and the clip's last have, are presence [K] and places [K, 2], pusher last, metres.
        """
        if not self._under_way and (self._begun >= self.config.most or not self._stuck(trail, now[1][-1])):
            return None
        here, blocks = seen[1][-1].astype(float), seen[1][:-1][seen[0][:-1]].astype(float)
        self._begun, self._steps = self._begun + (not self._under_way), self._steps * self._under_way + 1
        goal = self._goal(here, seen, now, last) if self._steps <= self.config.longest else None
        step = None if goal is None else self._step(here, goal, blocks)
        self._under_way = step is not None
        return None if step is None else np.asarray(here + step - target, np.float32)

    def _goal(self, here: Vector, seen: Seen, now: Seen, last: Seen) -> Vector | None:
        """Where the push begins, or else where the frame has the pusher; None for one behind its block."""
        gone = np.where((seen[0] & last[0])[:, None], last[1] - seen[1], 0.0)[:-1].astype(float)
        far = np.linalg.norm(gone, axis=1)
        k = int(far.argmax())
        if far[k] < self.config.pushed:
            return np.asarray(now[1][-1], float)
        behind = here - seen[1][k]
        away = float(np.linalg.norm(behind))
        if away < self.config.near and -behind @ gone[k] > self.config.facing * away * far[k]:
            return None
        return np.asarray(seen[1][k] - self.config.standoff * gone[k] / far[k])

    def _stuck(self, trail: Sequence[NDArray[np.float32]], goal: Vector) -> bool:
        config = self.config
        if len(trail) <= config.patience:
            return False
        before, now = (float(np.linalg.norm(goal - trail[k])) for k in (-1 - config.patience, -1))
        return now > config.far and before - now < config.nearer

    def _step(self, here: Vector, goal: Vector, blocks: Vector) -> Vector | None:
        """The first step of the way; None where there is none or it is at its end."""
        for clearance in self.config.clearances:
            point = _clear_of(goal, blocks, clearance)
            if np.linalg.norm(point - here) < self.config.arrived:
                return None
            way, clear = route(here, point, blocks, clearance=clearance, low=_LOW, high=_HIGH)
            if clear:
                gap = way[0] - here
                return np.asarray(gap * min(1.0, self.config.speed / max(float(np.linalg.norm(gap)), 1e-9)))
        return None


def _clear_of(point: Vector, blocks: Vector, clearance: float) -> Vector:
    """A point moved out of the discs about blocks [N, 2], the deepest first: on a way there, the disc of
    one that it lies in would shrink."""
    for _ in range(3):
        gaps = point - blocks
        far = np.linalg.norm(gaps, axis=1)
        if not len(far) or far.min() >= clearance:
            break
        k = int(far.argmin())
        point = blocks[k] + gaps[k] * 1.05 * clearance / max(float(far[k]), 1e-6)
    return np.clip(point, _LOW, _HIGH)
