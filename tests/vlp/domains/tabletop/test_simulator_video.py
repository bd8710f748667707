"""The simulator as video model, under the real search with the bundled VLM: the upper bound works."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from planner import VideoModel, search
from tasks.tabletop.goals.push import succeeded
from tasks.tabletop.seeing.encoder import PoseProbe, SlotEncoder
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World
from vlp.domains.tabletop.simulator_video import SimulatorVideo
from vlp.vlm.tabletop.bundled import BundledVLM

BUNDLED = Path(__file__).parents[4] / "vlp" / "bundled"


@pytest.fixture
def world() -> World:
    world = World()
    world.place(*random_layout(np.random.default_rng(1_000_003)))
    return world


def test_a_frame_of_an_unknown_state_is_refused(world: World) -> None:
    with pytest.raises(KeyError, match="call show"):
        SimulatorVideo().imagine(world.render()[None], ["push the red moon up"], [0])


def test_two_levels_of_search_bring_the_goal_nearer(world: World) -> None:
    video, frame = SimulatorVideo(), world.render()
    assert isinstance(video, VideoModel)
    video.show(frame, world.save())
    vlm = BundledVLM.load(BUNDLED / "vlm")
    found = search(
        vlm,
        video,
        vlm,
        frame,
        "group the blocks by color",
        beams=1,
        language_branches=3,
        video_branches=1,
        horizon=2,
        seed=0,
    )
    assert found.plan.steps_to_go < found.tree.root_steps_to_go


def test_its_clips_show_the_subgoal_reached(world: World) -> None:
    video, frame = SimulatorVideo(), world.render()
    video.show(frame, world.save())
    clip = video.imagine(frame[None], ["push the red moon next to the blue cube"], [4])[0]
    assert clip.shape == (8, *frame.shape)
    probe = PoseProbe(SlotEncoder.from_pretrained(BUNDLED / "perception").eval())
    task = {"start_block": "red_moon", "target_block": "blue_cube"}
    blocks = probe.blocks(clip[-1])
    close = np.hypot(*np.subtract(blocks["red_moon"], blocks["blue_cube"]))
    assert succeeded("block2block", task, blocks, (0.0, 0.0)) or close < 0.06
