"""The methods that are measured on the tabletop by name, and bounds, which see what no camera shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from copy import copy
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

from executors.tabletop.simulated import SimulatedRobot
from video.tabletop.denoiser import SlotDenoiser
from vlp.agent.parts import Parts
from vlp.bench.methods import Echo, Method, learned_only, random_value, rule_only
from vlp.bench.stops import ScoringRobot
from vlp.bench.tabletop.demonstrator_proposer import DemonstratorProposer
from vlp.bench.tabletop.shown_simulator import ShownSimulator
from vlp.bench.tabletop.true_value import TrueValue
from vlp.bench.tabletop.words_agent import WordsAgent
from vlp.domains.tabletop.build import VideoBranches, tabletop
from vlp.models.weights import LANGUAGE_POLICY, PLANNER, WHOLE_DENOISER, baseline


@contextmanager
def simulator_video(parts: Parts, robot: ScoringRobot, seed: int) -> Iterator[Parts]:
    """An upper bound: the true simulator, shown the true state, in place of the video model."""
    assert isinstance(robot, SimulatedRobot), "expected a robot that knows its board's true state"
    with closing(ShownSimulator(robot)) as video:
        yield replace(parts, video=video)


@contextmanager
def demonstrator_proposer(parts: Parts, robot: ScoringRobot, seed: int) -> Iterator[Parts]:
    """An upper bound: the scripted demonstrator's subgoals in place of the language model's."""
    yield replace(parts, proposer=DemonstratorProposer(tabletop(parts).probe))


@contextmanager
def true_value(parts: Parts, robot: ScoringRobot, seed: int) -> Iterator[Parts]:
    """An upper bound: the scripted demonstrator's own steps-to-go in place of the learned value."""
    with closing(TrueValue(tabletop(parts).probe)) as value:
        # Its steps jump where the demonstrator fails once: no promise of it is too good to be true.
        yield replace(parts, value=value, max_value_gain=None)


@lru_cache(maxsize=2)
def _whole_denoiser(folder: Path) -> SlotDenoiser:
    denoiser: SlotDenoiser = SlotDenoiser.from_pretrained(folder).eval()
    return denoiser


@contextmanager
def whole_video(parts: Parts, robot: ScoringRobot, seed: int) -> Iterator[Parts]:
    """As UniPi: one clip from the whole instruction, by a video model that was trained so; no guards."""
    assert isinstance(parts.video, VideoBranches)
    own = copy(parts.video.pipeline)
    folder = baseline(tabletop(parts).folder, WHOLE_DENOISER)
    own.register_modules(denoiser=_whole_denoiser(folder).to(own.device))
    video = VideoBranches(own, steps=parts.video.steps)
    yield replace(parts, proposer=Echo(), video=video, guards=(), close_guards=(), max_value_gain=None)


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
