"""Clips that are followed by their pictures alone, on the simulated board: what is gone for, and when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from executors.follow.frames import PictureConfig, PictureFollower
from executors.safety.gate import Gate, GateConfig
from executors.tabletop.simulated import SimulatedRobot
from executors.wrapped import WrappedRobot
from tasks.tabletop.world.limits import LIMITS

Frame = NDArray[np.uint8]
STEP = np.array([0.01, 0.0], np.float32)


class Asked:
    """Sends the same action for ever; keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.words: set[str] = set()

    def actions(self, frame: Frame, goal_frame: Frame, left: int, words: str) -> NDArray[np.float32]:
        self.words.add(words)
        self.asked.append((int(goal_frame[0, 0, 0]), left))
        return np.repeat(STEP[None], 6, 0)


@pytest.fixture
def robot() -> Iterator[WrappedRobot]:
    made = SimulatedRobot(seed=3)
    made.connect()
    yield WrappedRobot(made)
    made.disconnect()


def follower(robot: WrappedRobot, policy: Asked, **settings: float) -> PictureFollower:
    return PictureFollower(robot, policy, Gate(GateConfig(LIMITS)), PictureConfig(**settings))  # type: ignore[arg-type]


def numbered(robot: WrappedRobot, count: int, *, seen: bool) -> Frame:
    """Frames whose first number tells them apart: what is seen now, or something else altogether."""
    clip = np.repeat(robot.get_observation()["rgb"][None], count, 0)
    if not seen:
        clip = 255 - clip
    clip[:, 0, 0, 0] = np.arange(count)
    return clip


def test_what_is_gone_for_lies_ahead_until_it_is_late(robot: WrappedRobot) -> None:
    policy = Asked()
    done = follower(robot, policy, parted=1.1, ahead=2, slack=0.4).follow(
        numbered(robot, 3, seen=False), lambda *_: False, words="go"
    )
    assert policy.asked == [
        (1, 12), (1, 10), (1, 8), (2, 12), (2, 10), (2, 8), (2, 6), (2, 4), (2, 2),
        (2, 0), (2, 0), (2, 0), (2, 0),
    ]  # fmt: skip
    assert policy.words == {"go"}
    assert (done.outcome, done.steps, len(done.off), len(done.seen)) == ("followed", 26, 3, 3)


def test_a_clip_that_came_about_already_is_over_at_once(robot: WrappedRobot) -> None:
    policy = Asked()
    done = follower(robot, policy).follow(numbered(robot, 3, seen=True), lambda *_: False)
    assert (done.outcome, done.steps, policy.asked, len(done.off)) == ("followed", 0, [], 1)
    assert done.distance < PictureConfig.near


def test_what_does_not_happen_as_shown_is_parted_from(robot: WrappedRobot) -> None:
    done = follower(robot, Asked()).follow(numbered(robot, 3, seen=False), lambda *_: False)
    assert done.outcome == "parted" and "of the pixels differ from frame 1" in done.reason
    assert done.steps == 6, "when that frame's time was over"
    assert re.fullmatch(r"[\d.]+% of the picture differs from what was imagined", done.apart), "not metres"


def test_it_ends_where_it_is_told_to(robot: WrappedRobot) -> None:
    clip = numbered(robot, 3, seen=False)
    stopped = follower(robot, Asked(), parted=1.1).follow(clip, lambda index, *_: index == 1)
    assert (stopped.outcome, stopped.steps, len(stopped.off)) == ("stopped", 7, 1)
    finished = follower(robot, Asked(), parted=1.1).follow(clip, lambda *_: False, lambda: True)
    assert (finished.outcome, finished.steps) == ("done", 0)


def test_what_stands_still_is_not_waited_for(robot: WrappedRobot) -> None:
    """A policy that does nothing where it is does nothing there for ever; one that moves is not stalled."""

    class Still(Asked):
        def actions(self, *asked: Any) -> NDArray[np.float32]:
            return 0.0 * super().actions(*asked)

    clip = numbered(robot, 3, seen=False)
    done = follower(robot, Still(), parted=1.1).follow(clip, lambda *_: False)
    assert (done.outcome, done.steps) == ("stalled", PictureConfig.patience)
    assert done.reason == "nothing moved for 12 control steps" and not done.came_about(1.1)
    moves = follower(robot, Asked(), parted=1.1, slack=0).follow(clip, lambda *_: False)
    assert (moves.outcome, moves.steps) == ("followed", 18)


def test_a_subgoal_that_is_over_ends_its_clip_but_not_before_anything_was_done(robot: WrappedRobot) -> None:
    asked: list[str] = []
    first = robot.get_observation()["rgb"]

    def over(begun: Frame, frame: Frame, words: str) -> bool:
        assert (begun == first).all() and (frame != first).any()
        asked.append(words)
        return len(asked) == 2

    following = PictureFollower(
        robot, Asked(), Gate(GateConfig(LIMITS)), PictureConfig(parted=1.1), over=over
    )
    done = following.follow(numbered(robot, 3, seen=False), lambda *_: False, words="go")
    assert (done.outcome, done.steps, asked) == ("over", 4, ["go", "go"])
    assert done.off == () and done.diverged is None, "it is not compared with a frame whose time is to come"
    assert done.came_about(0.0) and done.distance > 0.5
    late = follower(robot, Asked(), parted=1.1, slack=0).follow(
        numbered(robot, 3, seen=False), lambda *_: False
    )
    assert late.outcome == "followed" and not late.came_about(0.5) and late.came_about(1.1)
