"""The bundled VLM: sound, distinct proposals; steps-to-go that fall; tokens; learning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from planner import Proposer, Value
from tasks.tabletop.demos.kinematic import MISSED
from tasks.tabletop.demos.played import record_played
from tasks.tabletop.demos.rollouts import Rollouts, record
from tasks.tabletop.language import canonical, parse
from tasks.tabletop.seeing.encoder import SlotEncoder
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World
from vlp.vlm.tabletop import tokens
from vlp.vlm.tabletop.bundled import BundledVLM
from vlp.vlm.tabletop.data import Demonstrations, batches, steps_left
from vlp.vlm.tabletop.model import build
from vlp.vlm.tabletop.train import loss

BUNDLED = Path(__file__).parents[4] / "vlp" / "bundled"
GOAL = "group the blocks by color"


@pytest.fixture(scope="module")
def vlm() -> BundledVLM:
    return BundledVLM.load(BUNDLED / "vlm")


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    world, result = World(), []
    for seed in range(3):
        world.place(*random_layout(np.random.default_rng(1_000_000 + seed)))
        result.append(world.render())
    return np.stack(result)


def test_it_speaks_the_planner_s_protocols(vlm: BundledVLM) -> None:
    assert isinstance(vlm, Proposer) and isinstance(vlm, Value)


def test_proposals_are_sound_distinct_and_of_the_seed(vlm: BundledVLM, frames: np.ndarray) -> None:
    found = vlm.propose(frames, GOAL, [()] * 3, 4, seed=1)
    assert found == vlm.propose(frames, GOAL, [()] * 3, 4, seed=1)
    for beam in found:
        texts = [proposal.text for proposal in beam]
        assert 2 <= len(texts) == len(set(texts)) <= 4
        assert all(canonical(parse(text)) == text for text in texts)
        chances = [proposal.probability for proposal in beam]
        assert chances == sorted(chances, reverse=True) and 0 < chances[-1] <= chances[0] <= 1


def test_a_single_push_is_proposed_as_asked(vlm: BundledVLM, frames: np.ndarray) -> None:
    goal = "push the red moon next to the blue cube"
    assert all(beam[0].text == goal for beam in vlm.propose(frames, goal, [()] * 3, 2, seed=0))


def test_a_done_board_is_nearer_than_a_random_one(vlm: BundledVLM, frames: np.ndarray) -> None:
    world = World()
    places = {"red": (0.22, -0.2), "blue": (0.22, 0.2), "green": (0.48, -0.2), "yellow": (0.48, 0.2)}
    names = {
        "red": ("moon", "pentagon"),
        "blue": ("moon", "cube"),
        "green": ("cube", "star"),
        "yellow": ("star", "pentagon"),
    }
    blocks = {
        f"{color}_{shape}": (x + 0.044 * i, y, 0.0)
        for color, (x, y) in places.items()
        for i, shape in enumerate(names[color])
    }
    world.place(blocks, (0.35, 0.0))
    done = vlm.steps_to_go(world.render()[None], GOAL)
    others = vlm.steps_to_go(frames, GOAL)
    assert done.mean.dtype == np.float32 and done.spread.shape == (1,)
    assert done.mean[0] < 0.6 * others.mean.min()


def test_tokens_round_trip_and_bins_keep_the_mean() -> None:
    text = "move the blue cube away from the green cube, yellow star, and red moon"
    assert tokens.decode([*tokens.encode(text), tokens.EOS, 99]) == text
    steps = torch.tensor([0.0, 37.0, 200.0, 9000.0])
    bins = tokens.soft_bins(steps)
    means = bins @ tokens.bin_centers()
    assert torch.allclose(bins.sum(1), torch.ones(4), atol=1e-5)
    assert abs(float(means[1]) - 37) < 2 and abs(float(means[2]) - 200) < 2
    assert float(means[3]) <= tokens.MOST_STEPS


def test_steps_left_of_a_task_that_was_not_completed_still_tell_better_from_worse() -> None:
    poses = np.full((5, 16, 3), np.nan, np.float32)
    poses[:, 0] = [[0.3, 0.1, 0], [0.3, 0.05, 0], [0.3, -0.1, 0], [0.3, -0.1, 0], [0.3, 0.1, 0]]
    nothing = np.zeros((5, 2), np.float32)
    one, stop = np.array([0]), np.array([5])
    failed = Rollouts(
        poses, nothing, nothing, nothing, np.zeros(5, int), one, stop, np.array([False]), ("[]",), one,
        stop, ("move all blocks to the left side",), np.array([False]),
    )  # fmt: skip
    rest = MISSED * 7 / 8
    assert steps_left(failed, 0).tolist() == [2 + rest, 1 + rest, rest, rest, MISSED]
    done = replace(failed, episode_done=np.array([True]))
    assert steps_left(done, 0).tolist() == [4, 3, 2, 1, 0]


def test_a_small_vlm_learns_one_batch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    data = Demonstrations([record(tmp_path, 31, 600)], [record_played(tmp_path / "played.npz", 32, 40)])
    batch = next(batches(data, 16, 0))
    model = build(SlotEncoder(channels=8), width=64, layers=2, heads=2)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 3e-3)
    values = []
    for _ in range(40):
        value, _ = loss(model, batch)
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        values.append(float(value.detach()))
    assert values[-1] < 0.5 * values[0]
