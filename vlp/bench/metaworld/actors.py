"""Who acts in an episode: one that plans by imagined clips, and what it is compared to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from executors.metaworld.ways import MakeWay
from planner import Frames
from vlp.bench.metaworld.budgets import STILL, PlanBudget
from vlp.bench.published import Choice
from vlp.domains.metaworld.build import Following, along
from vlp.latent.imagination import Imagination

Action = NDArray[np.float32]


@dataclass
class Effort:
    """What an episode cost."""

    plans: int = 0
    clips: int = 0
    planning: float = 0.0
    """Seconds, and those of following beside it."""
    following: float = 0.0


class _Way(Protocol):
    def action(self, frame: Frames) -> Action | None: ...


class _Blind:
    """Actions [k, 4] that are sent whatever is seen."""

    def __init__(self, actions: Action) -> None:
        self._left: Iterator[Action] = iter(actions)

    def action(self, frame: Frames) -> Action | None:
        return next(self._left, None)


MakePlan = Callable[[Frames, int, Effort], _Way]
"""From a picture and the plan's number to the way that it has planned."""


class PlanningActor:
    """Acts by plans, of which it makes the next one when its budget says so; between a plan's end and the
    next it rests. What it learns of a scene is the picture; that a step made no progress it is told.

    Args:
        plan: makes a way.
        budget: of plans.
    """

    def __init__(self, plan: MakePlan, budget: PlanBudget) -> None:
        self._plan, self._budget, self.effort = plan, budget, Effort()
        self._way: _Way | None = None
        self._hand: NDArray[np.float32] | None = None
        self._idle = self._since = 0
        self._grip = -1.0

    def __call__(self, observation: dict[str, Any]) -> Action:
        """The next action [4] from an observation of SawyerEnv."""
        hand, frame = observation["hand"][:3], observation["rgb"]
        if self._hand is not None and np.linalg.norm(hand - self._hand) < STILL:
            self._idle += 1
        self._hand = hand
        if self._way is None or self._due():
            start = time.perf_counter()
            self._way = self._plan(frame, self.effort.plans, self.effort)
            self.effort.planning += time.perf_counter() - start
            self.effort.plans += 1
            self._idle = self._since = 0
        start = time.perf_counter()
        action = self._way.action(frame)
        self.effort.following += time.perf_counter() - start
        self._since += 1
        if action is None:
            return np.array([0, 0, 0, self._grip], np.float32)
        self._grip = float(action[3])
        return action

    def _due(self) -> bool:
        budget = self._budget
        if budget.every is not None:
            return self._since >= budget.every
        left = budget.most is None or self.effort.plans < budget.most
        return left and budget.patience is not None and self._idle >= budget.patience


def by_clips(
    imagination: Imagination,
    words: str,
    *,
    clips: int,
    choose: Choice,
    seed: int,
    by: Following | Literal["joint"],
) -> MakePlan:
    """Plans of the best of so many clips; "joint" sends the actions that the clip was imagined with."""
    way: MakeWay | None = None if by == "joint" else along(imagination, words, by=by)

    def plan(frame: Frames, number: int, effort: Effort) -> _Way:
        seeds = [(seed * 1009 + number * clips + i) % 2**32 for i in range(clips)]
        frames = frame[None].repeat(clips, 0)
        drawn, actions = imagination.joint(frames, [words] * clips, seeds)
        effort.clips += clips
        best = 0 if clips == 1 else int(_cost(imagination, frames, drawn, words, seeds, choose).argmin())
        return _Blind(actions[best]) if way is None else way(drawn[best])

    return plan


def _cost(
    imagination: Imagination, frames: Frames, clips: Frames, words: str, seeds: list[int], choose: Choice
) -> NDArray[np.float32]:
    """[N] of clips [N, T, H, W, 3], the smallest of the best."""
    if choose == "value":
        return imagination.steps_to_go(clips[:, -1], words).mean
    return imagination.inconsistency(frames, clips, seeds, [words] * len(clips))


def by_actions(imagination: Imagination, words: str, *, seed: int) -> MakePlan:
    """Plans of actions alone."""

    def plan(frame: Frames, number: int, effort: Effort) -> _Way:
        return _Blind(imagination.act(frame[None], [words], [(seed * 1009 + number) % 2**32])[0])

    return plan
