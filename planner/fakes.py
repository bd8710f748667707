"""Fakes of the models, searched by hand: a frame shows a number, subgoals add to it, the goal is one.

Public fakes for tests of whatever stands on the planner; no model is involved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from planner.types import Frames, Proposal, StepsToGo

LARGEST_NUMBER = 65535


def number_frame(number: int) -> Frames:
    """A 4 x 4 picture, uint8 [4, 4, 3], of a number in 0..65535: its high and low byte as red and green."""
    if not 0 <= number <= LARGEST_NUMBER:
        raise ValueError(f"number: expected 0..{LARGEST_NUMBER}, got {number}; choose one in it")
    return np.full((4, 4, 3), (number >> 8, number & 255, 0), dtype=np.uint8)


def number_shown(frame: Frames) -> int:
    """The number a frame uint8 [H, W, 3] shows."""
    return (int(frame[0, 0, 0]) << 8) + int(frame[0, 0, 1])


@dataclass(frozen=True, kw_only=True)
class BanditProposer:
    """Proposes "add <arm>" for the first n arms, all equally likely."""

    arms: Sequence[int] = (1, 2, 5)
    arms_at: Mapping[int, Sequence[int]] = field(default_factory=dict)  # other arms where a number is shown

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        arms = [self.arms_at.get(number_shown(frame), self.arms)[:n] for frame in frames]
        return [[Proposal(f"add {arm}", 1 / len(row)) for arm in row] for row in arms]


@dataclass(frozen=True, kw_only=True)
class BanditVideo:
    """Counts from the number shown to the sum in `length` frames; the seed shifts it by up to `noise`."""

    length: int = 2
    noise: int = 0

    def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> Frames:
        return np.stack([self._clip(*branch) for branch in zip(frames, subgoals, seeds, strict=True)])

    def _clip(self, frame: Frames, subgoal: str, seed: int) -> Frames:
        start = number_shown(frame)
        shift = int(np.random.default_rng(seed).integers(-self.noise, self.noise, endpoint=True))
        end = max(0, start + int(subgoal.removeprefix("add ")) + shift)
        times = range(1, self.length + 1)
        return np.stack([number_frame(start + (end - start) * t // self.length) for t in times])


@dataclass(frozen=True, kw_only=True)
class BanditValue:
    """Steps-to-go of the goal "reach <number>": the distance, or what `steps_at` says of the number shown."""

    steps_at: Mapping[int, float] = field(default_factory=dict)

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        target = int(goal.removeprefix("reach "))
        numbers = [number_shown(frame) for frame in frames]
        mean = [self.steps_at.get(number, abs(target - number)) for number in numbers]
        return StepsToGo(np.array(mean, dtype=np.float32), np.zeros(len(frames), dtype=np.float32))
