"""What a bench compares: a method is a name, and how the agent is put together for one episode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from planner import Frames, Proposal, StepsToGo
from vlp.agent.agent import AgentLoop
from vlp.agent.parts import Parts
from vlp.bench.stops import ScoringRobot
from vlp.models.weights import PLANNER
from vlp.settings import Settings

PartsOf = Callable[[Parts, ScoringRobot, int], AbstractContextManager[Parts]]
"""From the trained parts, the episode's robot and the search's seed to the parts of this method."""


class RandomValue:
    """A value that knows nothing: steps-to-go drawn at random, whatever the frame shows.

    The same search with this value picks a branch, among those the guards let pass, by chance.
    Args:
        seed: of the numbers; the same calls in the same order get the same.
    """

    LOW, HIGH = 100.0, 290.0
    """Control steps. So far from 0, and so near to each other, that no draw reads as done or as too good."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """A number for each of `frames` uint8 [N, H, W, 3]; the spread is that of the draws."""
        drawn = self._rng.uniform(self.LOW, self.HIGH, len(frames)).astype(np.float32)
        return StepsToGo(drawn, np.full(len(frames), (self.HIGH - self.LOW) / 12**0.5, np.float32))


class NothingLearned:
    """No value at all: 0 control steps for whatever is shown. The goal's rule (`verified_value`) alone
    then says how far a frame is; where it tells no difference, the first imagined is taken."""

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """Zeros for each of `frames` uint8 [N, H, W, 3]."""
        nothing = np.zeros(len(frames), np.float32)
        return StepsToGo(nothing, nothing)


@contextmanager
def trained(parts: Parts, robot: ScoringRobot, seed: int) -> Iterator[Parts]:
    """The trained parts as they are."""
    yield parts


@contextmanager
def rule_only(parts: Parts, robot: ScoringRobot, seed: int) -> Iterator[Parts]:
    """The goal's rule without the learned value."""
    yield replace(parts, value=NothingLearned())


@contextmanager
def learned_only(parts: Parts, robot: ScoringRobot, seed: int) -> Iterator[Parts]:
    """The learned value without the goal's rule."""
    yield replace(parts, verify=None)


@contextmanager
def random_value(parts: Parts, robot: ScoringRobot, seed: int) -> Iterator[Parts]:
    """A value that knows nothing, and no goal's rule either: neither half of `ours`."""
    yield replace(parts, value=RandomValue(seed), verify=None)


class Echo:
    """A proposer whose only subgoal is the whole instruction."""

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """One proposal for each of `frames` uint8 [N, H, W, 3]."""
        return [[Proposal(goal, 1.0)] for _ in frames]


@dataclass(frozen=True)
class Method:
    """How the agent is put together, and what of the search's size the method fixes."""

    parts: PartsOf = trained
    budget: Mapping[str, int] = field(default_factory=dict)
    agent: Callable[..., AgentLoop] = AgentLoop
    runs_on: tuple[str, ...] = PLANNER
    """Parts of the weights folder."""

    def settings(self, given: Settings) -> Settings:
        """The given settings with the method's own budget."""
        return replace(given, **self.budget)  # type: ignore[arg-type]
