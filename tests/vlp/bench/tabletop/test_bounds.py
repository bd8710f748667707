"""The bounds: the simulator as video model, the demonstrator as proposer, its own steps as value."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from executors.tabletop.simulated import SimulatedRobot
from planner import Proposer, Value, VideoModel
from tasks.tabletop.language import parse
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World
from vlp.bench.tabletop.demonstrator_proposer import DemonstratorProposer
from vlp.bench.tabletop.shown_simulator import ShownSimulator
from vlp.bench.tabletop.true_value import MOST, TrueValue, board_of
from vlp.domains.tabletop.build import TabletopParts, build
from vlp.settings import Settings

SEED = 1_000_050
SHORT = Settings(seed=SEED, max_control_steps=3, device="cpu")
GROUP = "group the blocks by color"
AREA = "move all blocks to the left side"


@pytest.fixture(scope="module")
def parts() -> TabletopParts:
    return build(device="cpu")


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.place(*random_layout(np.random.default_rng(SEED)))
    yield world
    world.close()


def test_the_simulator_bound_knows_the_robots_board_and_later_ones() -> None:
    robot = SimulatedRobot(GROUP, seed=SEED)
    robot.connect()
    video = ShownSimulator(robot)
    assert isinstance(video, VideoModel)
    try:
        for _ in range(2):
            frame = robot.get_observation()["rgb"]
            clip = video.imagine(frame[None], ["push the red moon to the center"], [1])
            further = video.imagine(clip[:, -1], ["push the blue cube to the center"], [2])
            assert clip.shape == further.shape == (1, 8, *frame.shape)
            assert (clip[0, -1] != frame).any() and (further[0, -1] != clip[0, -1]).any()
            assert (robot.get_observation()["rgb"] == frame).all()
            robot.send_action(np.array([0.05, 0.05], np.float32))
        with pytest.raises(KeyError, match="expected a frame"):
            video.imagine(clip[:, -1] + 1, ["push the red moon to the center"], [1])
    finally:
        video.close()
        robot.disconnect()


def test_the_simulator_bound_leaves_a_fallen_block_alone(world: World) -> None:
    blocks = {**world.poses(), "red_moon": (0.8, 0.0, 0.0)}
    robot = SimulatedRobot(GROUP, seed=SEED, layout=(blocks, (0.3, 0.0)))
    robot.connect()
    for _ in range(3):
        robot.send_action(np.zeros(2, np.float32))
    assert "red_moon" in robot.info["lost"]
    frame, video = robot.get_observation()["rgb"], ShownSimulator(robot)
    clip = video.imagine(frame[None], ["push the red moon to the center"], [1])
    assert (clip == frame).all()
    video.close()
    robot.disconnect()


def test_the_demonstrators_proposals_are_its_subgoals(parts: TabletopParts, world: World) -> None:
    proposer = DemonstratorProposer(parts.probe)
    assert isinstance(proposer, Proposer)
    frames = np.repeat(world.render()[None], 2, axis=0)
    found = proposer.propose(frames, AREA, [[], []], 3, seed=1)
    for proposals in found:
        texts = [proposal.text for proposal in proposals]
        chances = [proposal.probability for proposal in proposals]
        assert 1 <= len(texts) == len(set(texts)) <= 3
        assert chances == sorted(chances, reverse=True) and sum(chances) <= 1 + 1e-9
        assert {parse(text).family for text in texts} == {"block2area"}
    one = proposer.propose(frames[:1], AREA, [[]], 3, seed=1)
    assert one == proposer.propose(frames[:1], AREA, [[]], 3, seed=1)
    with pytest.raises(ValueError, match="expected a long task"):
        proposer.propose(frames, "push the red moon to the center", [[], []], 3, seed=1)


def test_what_is_only_just_done_is_proposed_again(parts: TabletopParts) -> None:
    x = np.linspace(0.18, 0.52, 8)
    kinds = sorted(random_layout(np.random.default_rng(0))[0])
    blocks = {kind: (float(at), -0.15, 0.0) for kind, at in zip(kinds, x, strict=True)}
    near = {**blocks, kinds[3]: (float(x[3]), -0.001, 0.0)}
    proposer, world = DemonstratorProposer(parts.probe), World()
    texts = []
    for layout in (blocks, near):
        world.place(layout, (0.3, 0.2))
        (found,) = proposer.propose(world.render()[None], AREA, [[]], 4, seed=3)
        texts.append([proposal.text for proposal in found])
    world.close()
    assert texts[0] == []
    assert len(texts[1]) == 1 and kinds[3].replace("_", " ") in texts[1][0]


def test_true_steps_to_go(parts: TabletopParts, world: World) -> None:
    start = world.render()
    kinds = list(world.poses())
    done = {kind: (0.2 + 0.04 * i, -0.2 + 0.05 * (i % 2), 0.0) for i, kind in enumerate(kinds)}
    world.place(done, (0.3, 0.2))
    finished = world.render()
    world.place({kind: done[kind] for kind in kinds[1:]}, (0.3, 0.2))
    short_of_one = world.render()
    value = TrueValue(parts.probe)
    assert isinstance(value, Value)
    boards = np.stack([start, finished, short_of_one])
    found = value.steps_to_go(boards, AREA)
    assert 20 < found.mean[0] < MOST
    assert found.mean[1:].tolist() == [0, MOST] and not found.spread.any()
    assert (value.steps_to_go(boards, AREA).mean == found.mean).all()
    with pytest.raises(ValueError, match="expected a long task"):
        value.steps_to_go(start[None], "push the red moon to the center")
    value.close()


def test_boards_from_slots_are_the_boards_seen(parts: TabletopParts, world: World) -> None:
    blocks, pusher = board_of(parts.probe.encoder.see(world.render()[None])[0])
    assert blocks.keys() == world.poses().keys()
    assert max(math.dist(blocks[name][:2], pose[:2]) for name, pose in world.poses().items()) < 0.01
    assert math.dist(pusher, world.effector()) < 0.02
    before = world.render().astype(int)
    world.place(blocks, pusher)
    assert (np.abs(world.render() - before).max(-1) > 60).mean() < 0.02  # turned alike too
