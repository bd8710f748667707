"""The agent's parts: all models, eyes and guards that a world hands it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from executors.follow.follower import Follower
from executors.robot import Robot
from executors.safety.camera_watch import View
from planner import Guard, Proposer, Search, Value, VideoModel
from tasks.domain import Goal, Limits, Rules, Sight
from vlp.agent.any_words import AnyWords
from vlp.models.choose import SuccessJudge
from vlp.models.weights import Hashes
from vlp.settings import Extraction
from vlp.vlm.account import Accounted

T = TypeVar("T")


class Watch(Protocol):
    """Takes the time of parts."""

    def wrap(self, part: str, inner: T) -> T:
        """The same object, its calls timed under a name."""
        ...


class Confidence(Protocol):
    """Tells how sure one may be of a plan."""

    def of(self, found: Search) -> float:
        """Chance (0..1) that the plan's first subgoal ends as imagined."""
        ...


MakeFollower = Callable[[Extraction, Robot, Watch], Follower]
"""What acts out clips on a robot, by the way that settings name."""
Verify = Callable[[Value, Goal, float, Watch], Value]
"""A value held to what the world itself says of a goal; the number: steps-to-go below which it is done."""


def as_it_is(robot: Robot) -> Robot:
    """The robot, under no rules."""
    return robot


def as_they_are(parts: Parts, goal: Goal) -> Parts:
    """The parts, whatever the goal."""
    return parts


def none_dropped() -> dict[str, int]:
    """No subgoal was."""
    return {}


@dataclass(frozen=True, kw_only=True)
class Parts:
    """All that the agent is made of, in one world."""

    proposer: Proposer
    video: VideoModel
    value: Value
    sight: Sight
    follower: MakeFollower
    limits: Limits
    guards: tuple[Guard, ...]
    hashes: Hashes
    """Part -> the digests of its files."""
    shape: tuple[int, int, int]
    """[H, W, 3] of the pictures that they see."""
    close_guards: tuple[Guard, ...] = ()
    """Those asked only of branches that would be kept."""
    max_value_gain: float | None = None
    """Control steps that a clip may promise at most, see `planner.search`."""
    verify: Verify | None = None
    """Gives the world a say where the value takes a picture for done; None: the value alone says so."""
    success: SuccessJudge | None = None
    """Who is asked, beside the world's sight, whether the goal is reached."""
    confidence: Confidence | None = None
    """None where that was not measured with these models."""
    no_confidence: str = "expected a world that tells how sure a plan is, got one that does not; leave it out"
    """What is said to whoever asks for it where there is none."""
    near: float = 0.015
    """Metres: when all is this near to where a clip put it, the plan's next step is acted too."""
    accounted: tuple[Accounted, ...] = ()
    """Models that keep account of what they cost."""
    view: View | None = None
    """Knows the camera and the scene that these models see; None where nobody does."""
    toward: Callable[[Parts, Goal], Parts] = as_they_are
    """The parts for one goal: a world may have others for goals that its models were not trained on."""
    any_words: AnyWords | None = None
    """Who reads instructions that the world's grammar does not know; None: nobody."""
    rules: Rules = ()
    """Standing rules that these parts hold to."""
    harness: Callable[[Robot], Robot] = as_it_is
    """A robot that does nothing against the rules."""
    dropped: Callable[[], dict[str, int]] = none_dropped
    """How often each rule kept a subgoal from being imagined since this was asked last."""
