"""The bundled weights that are learned from pixels and words alone: they act, imagine and propose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from executors.tabletop.simulated import SimulatedRobot
from tasks.tabletop.language import canonical
from tasks.tabletop.world.world import World
from tests.conftest import Vlp
from video.latent.bundle import LatentBundle
from vlp.domains.base import domain
from vlp.domains.tabletop.latent import acting
from vlp.evaluate.tabletop.asked import ask
from vlp.evaluate.tabletop.following import layout_of
from vlp.evaluate.tabletop.told import outcome
from vlp.latent.folder import BUNDLED_LATENT, VLM
from vlp.vlm.latent.vlm import LatentVLM

FIRST = 1_000_940


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    found = World()
    yield found
    found.close()


@pytest.mark.parametrize("seed", range(FIRST, FIRST + 2))
def test_it_goes_where_it_is_told(world: World, seed: int) -> None:
    """By the camera's picture and the words alone, on boards that it never saw."""
    policy, asked = acting(BUNDLED_LATENT), ask(world, "point2block", seed)
    robot, end = SimulatedRobot(seed=0, layout=layout_of(world)), ""
    robot.connect()
    for _ in range(40):
        for action in policy(robot.get_observation()["rgb"], None, canonical(asked.push.instruction))[:2]:
            robot.send_action(action)
            end = end or outcome(robot, asked)
    robot.disconnect()
    assert end == "done"


def test_it_imagines_and_proposes(world: World) -> None:
    """Clips in which something moves, apart by their seeds; subgoals of the demonstrations."""
    ask(world, "block2area", FIRST)
    frames = np.repeat(world.render()[None], 2, 0)
    parts = domain("tabletop").parts(weights=BUNDLED_LATENT, device="cpu", sampling_steps=8, models=None)
    words = "push the red moon into the top half"
    clips = parts.video.imagine(frames, [words] * 2, [0, 1])
    moved = (np.abs(clips[:, -1].astype(int) - frames).max(-1) > 48).mean((1, 2))
    assert clips.shape[2:] == frames.shape[1:] and (moved > 0.001).all() and (moved < 0.1).all()
    assert (clips[0] != clips[1]).any()
    assert isinstance(parts.proposer, LatentVLM)
    (row,) = parts.proposer.propose(frames[:1], "group the blocks by color", [()], 3, seed=0)
    assert row and all(proposal.text.startswith(("push", "move")) for proposal in row)


def test_from_the_command_line(world: World, vlp: Vlp, tmp_path: Path) -> None:
    Image.fromarray(world.render()).save(tmp_path / "board.png")
    more = ("--models", "latent", "--out", str(tmp_path / "clips"))
    done = vlp("imagine", "push the red moon up", "--frame", str(tmp_path / "board.png"), *more)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "clips").rglob("*.png"))


def test_weights_tell_nothing_of_the_machine_that_wrote_them(tmp_path: Path) -> None:
    """Parts that were read keep the folder that they were read from, and would tell it when written again."""
    LatentBundle.load(BUNDLED_LATENT).save(tmp_path)
    LatentVLM.load(BUNDLED_LATENT / VLM).save(tmp_path / VLM)
    for folder in (tmp_path, BUNDLED_LATENT):
        said = [path.read_text(encoding="utf-8") for path in folder.rglob("config.json")]
        assert len(said) == 9 and not any("_name_or_path" in text or str(folder) in text for text in said)
    LatentBundle.load(tmp_path)
