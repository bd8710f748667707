"""A goal that only seems reached is looked at closer, on the bundled weights in the real simulator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from executors.tabletop.simulated import SimulatedRobot
from tasks.tabletop.world.board import BLOCK_8, KINDS
from tasks.tabletop.world.layout import Layout
from tests.vlp.small import SMALL
from vlp.agent.agent import AgentLoop
from vlp.domains.tabletop.build import TabletopParts, build
from vlp.domains.tabletop.closer import CloserLook
from vlp.events.types import Events, Judged, read_events
from vlp.record.folder import RunFolder

LINE = "make a vertical line in the middle of the board"
FINISHED = (0, 0.046, 0.042)
"""A seed and metres, see `line_of`: whose line is one, though blocks stand as near as a line allows."""
UNFINISHED = (3, 0.05, 0.034)
"""A line of which two blocks stand a little too near to each other, by less than a glance can tell."""


@pytest.fixture(scope="module")
def parts() -> TabletopParts:
    return build(device="cpu")


def line_of(seed: int, gap: float, tight: float) -> Layout:
    """A line with `gap` metres between its blocks but for one pair's `tight`; the pusher stands beside it."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([[0.0], np.cumsum([gap, gap, gap, tight, gap, gap, gap])])
    y, yaws = rng.uniform(-0.01, 0.01, 8), rng.uniform(-3, 3, 8)
    if tight < 0.04:  # side by side, or they would push each other further apart
        y[3:5] = (-0.02, 0.02)
    places = zip(BLOCK_8, x - x.mean() + 0.36, y, yaws, strict=True)
    return {kind: (float(a), float(b), float(yaw)) for kind, a, b, yaw in places}, (0.36, 0.06)


def connected(seed: int, gap: float, tight: float) -> SimulatedRobot:
    robot = SimulatedRobot(LINE, seed=1, layout=line_of(seed, gap, tight))
    robot.connect()
    return robot


def looked_at(parts: TabletopParts, robot: SimulatedRobot, root: Path) -> tuple[AgentLoop, str, list[bool]]:
    """The agent after it looked at a board once, where it goes, and what closer looks said."""
    events = Events()
    with RunFolder.create(root, "run") as folder:
        events.subscribe(folder.record)
        agent = AgentLoop(parts, robot, SMALL, events=events, folder=folder)
        agent._scored = False
        agent._begin(LINE)
        agent._scored = False  # the camera's word alone
        went = agent._observe({"go": "observe", "decision": 0})
        folder.finish({})
    told = [e.reached for e in read_events(root / "run" / "events.jsonl") if isinstance(e, Judged)]
    return agent, went["go"], told


def test_a_tight_line_that_is_finished_is_done_and_nobody_pushes_it(
    parts: TabletopParts, tmp_path: Path
) -> None:
    robot = connected(*FINISHED)
    agent, went, told = looked_at(parts, robot, tmp_path)
    assert robot.info["score"] == 1.0
    assert not agent._seen_done(), "expected a line of which a glance is not sure"
    assert (went, told) == ("end", [True])
    robot.disconnect()


def test_a_line_that_only_seems_finished_is_not_taken_for_one(parts: TabletopParts, tmp_path: Path) -> None:
    robot = connected(*UNFINISHED)
    agent, went, told = looked_at(parts, robot, tmp_path)
    assert robot.info["score"] < 1.0
    assert agent._seen_done(surely=False), "expected a line that seems finished"
    assert (went, told) == ("search", [False])
    robot.disconnect()


def test_a_closer_look_is_more_exact_and_the_same_each_time(parts: TabletopParts) -> None:
    robot = connected(*FINISHED)
    frame, truth = np.asarray(robot.get_observation()["rgb"]), robot.env._world.poses()
    assert parts.sight.closer is not None
    found = parts.sight.closer.places(frame)
    assert found is not None
    again = parts.sight.closer.places(frame)
    assert again is not None and np.array_equal(found[1], again[1])
    _, glanced = parts.probe.places(frame[None])
    assert found[0].sum() == len(BLOCK_8) + 1
    there = [KINDS.index(kind) for kind in truth]
    real = np.array([pose[:2] for pose in truth.values()])
    close, at_once = (float(np.abs(where[there] - real).mean()) for where in (found[1], glanced[0]))
    assert close < 0.0015 and close < 0.8 * at_once
    robot.disconnect()


def test_what_does_not_look_like_its_drawing_is_not_told(parts: TabletopParts) -> None:
    robot = connected(*FINISHED)
    frame = np.array(robot.get_observation()["rgb"])
    frame[30:60, 40:90] = 20
    assert isinstance(parts.sight.closer, CloserLook) and parts.sight.closer.places(frame) is None
    robot.disconnect()
