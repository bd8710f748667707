"""The methods of a bench: a name, and how the agent is put together for one episode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

import numpy as np

from executors.tabletop.simulated import SimulatedRobot
from planner import Frames, Proposal, StepsToGo
from video.tabletop.denoiser import SlotDenoiser
from vlp.agent.agent import Agent
from vlp.bench.demonstrator_proposer import DemonstratorProposer
from vlp.bench.shown_simulator import ShownSimulator
from vlp.bench.true_value import TrueValue
from vlp.bench.words_agent import WordsAgent
from vlp.domains.tabletop.build import TabletopParts, VideoBranches
from vlp.models.weights import LANGUAGE_POLICY, PLANNER, WHOLE_DENOISER, baseline
from vlp.settings import Settings

PartsOf = Callable[[TabletopParts, SimulatedRobot, int], AbstractContextManager[TabletopParts]]
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
def trained(parts: TabletopParts, robot: SimulatedRobot, seed: int) -> Iterator[TabletopParts]:
    """The trained parts as they are."""
    yield parts


@contextmanager
def rule_only(parts: TabletopParts, robot: SimulatedRobot, seed: int) -> Iterator[TabletopParts]:
    """The goal's rule without the learned value."""
    yield replace(parts, value=NothingLearned())


@contextmanager
def learned_only(parts: TabletopParts, robot: SimulatedRobot, seed: int) -> Iterator[TabletopParts]:
    """The learned value without the goal's rule."""
    yield replace(parts, verify=None)


@contextmanager
def random_value(parts: TabletopParts, robot: SimulatedRobot, seed: int) -> Iterator[TabletopParts]:
    """A value that knows nothing, and no goal's rule either: neither half of `ours`."""
    yield replace(parts, value=RandomValue(seed), verify=None)


@contextmanager
def simulator_video(parts: TabletopParts, robot: SimulatedRobot, seed: int) -> Iterator[TabletopParts]:
    """An upper bound: the true simulator, shown the true state, in place of the video model."""
    with closing(ShownSimulator(robot)) as video:
        yield replace(parts, video=video)


@contextmanager
def demonstrator_proposer(parts: TabletopParts, robot: SimulatedRobot, seed: int) -> Iterator[TabletopParts]:
    """An upper bound: the scripted demonstrator's subgoals in place of the language model's."""
    yield replace(parts, proposer=DemonstratorProposer(parts.probe))


@contextmanager
def true_value(parts: TabletopParts, robot: SimulatedRobot, seed: int) -> Iterator[TabletopParts]:
    """An upper bound: the scripted demonstrator's own steps-to-go in place of the learned value."""
    with closing(TrueValue(parts.probe)) as value:
        # Its steps jump where the demonstrator fails once: no promise of it is too good to be true.
        yield replace(parts, value=value, max_value_gain=None)


class Echo:
    """A proposer whose only subgoal is the whole instruction."""

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """One proposal for each of `frames` uint8 [N, H, W, 3]."""
        return [[Proposal(goal, 1.0)] for _ in frames]


@lru_cache(maxsize=2)
def _whole_denoiser(folder: Path) -> SlotDenoiser:
    denoiser: SlotDenoiser = SlotDenoiser.from_pretrained(folder).eval()
    return denoiser


@contextmanager
def whole_video(parts: TabletopParts, robot: SimulatedRobot, seed: int) -> Iterator[TabletopParts]:
    """As UniPi: one clip from the whole instruction, by a video model that was trained so; no guards."""
    assert isinstance(parts.video, VideoBranches)
    own = copy(parts.video.pipeline)
    own.register_modules(denoiser=_whole_denoiser(baseline(parts.folder, WHOLE_DENOISER)).to(own.device))
    video = VideoBranches(own, steps=parts.video.steps)
    yield replace(parts, proposer=Echo(), video=video, guards=(), close_guards=(), max_value_gain=None)


@dataclass(frozen=True)
class Method:
    """How the agent is put together, and what of the search's size the method fixes."""

    parts: PartsOf = trained
    budget: Mapping[str, int] = field(default_factory=dict)
    agent: Callable[..., Agent] = Agent
    runs_on: tuple[str, ...] = PLANNER
    """TabletopParts of the weights folder."""

    def settings(self, given: Settings) -> Settings:
        """The given settings with the method's own budget."""
        return replace(given, **self.budget)  # type: ignore[arg-type]


_WORDS: Final = ("perception", "vlm", LANGUAGE_POLICY)
_ONE: Final = {"beams": 1, "language_branches": 1, "video_branches": 1, "horizon": 1}
METHODS: Final[Mapping[str, Method]] = {
    "ours": Method(),
    "no-search": Method(budget=_ONE),
    "rule-only": Method(rule_only),
    "learned-only": Method(learned_only),
    "random-value": Method(random_value),
    "best-of-n": Method(budget=_ONE | {"language_branches": 4, "video_branches": 4}),
    "no-video": Method(budget=_ONE, agent=partial(WordsAgent, subgoals=True), runs_on=_WORDS),
    "unipi-like": Method(whole_video, _ONE, runs_on=(*PLANNER, WHOLE_DENOISER)),
    "lava-like": Method(budget=_ONE, agent=partial(WordsAgent, subgoals=False), runs_on=_WORDS),
    "bound-simulator-video": Method(simulator_video),
    "bound-demonstrator-proposer": Method(demonstrator_proposer),
    "bound-true-value": Method(true_value),
}
