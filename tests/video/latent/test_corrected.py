"""What an expert did from where a policy got is learned from beside the demonstrations."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tasks.data.layout import DatasetError
from tasks.tabletop.demos.lerobot_write import LeRobotWriter
from tests.video.latent.conftest import square
from video.latent import autoencoder, text
from video.latent.asked import WorldTraining
from video.latent.clips import LatentClips
from video.latent.config import LatentConfig
from video.latent.corrected import CorrectedClips, corrections
from video.latent.latents import Latents
from video.latent.run import train_world
from video.latent.store import pack

SIZES = LatentConfig(frames=3, seconds=0.3, channels=8, width=64, layers=3, heads=4, text_layers=1, batch=4)


def fast(root: Path, fps: int = 10) -> Path:
    """Two episodes whose actions are ten times those of the others."""
    with LeRobotWriter(root, fps=fps) as writer:
        for seed in range(2):
            one = square(np.random.default_rng(seed), "go right")
            writer.add(replace(one, action=10 * one.action))
    return root


def test_half_of_the_clips_are_of_them(squares: Path, tmp_path: Path) -> None:
    store = pack([squares], tmp_path / "store", report=lambda _: None)
    eye, tokenizer = autoencoder.build(SIZES), text.learn(store.texts)
    clips = LatentClips(store, Latents(eye, store), tokenizer, SIZES)
    more = corrections([fast(tmp_path / "fast")], tmp_path, eye, store, report=lambda _: None)
    both = CorrectedClips(clips, LatentClips(*more, tokenizer, SIZES))
    assert len(both) > len(clips) and both.acted and both.scale is clips.scale
    batch = next(both.batches(32, 0))
    faster = batch["actions"].abs().amax((1, 2)) > 3
    assert faster.tolist() == [False] * 16 + [True] * 16, "in units of the demonstrations"


def test_the_model_of_video_learns_from_them(squares: Path, tmp_path: Path) -> None:
    run = WorldTraining(
        data=[squares], folder=tmp_path / "world", config=SIZES, minutes=5, steps=2, autoencoder_minutes=5,
        autoencoder_steps=2, sketch_minutes=5, sketch_steps=2, corrected=[fast(tmp_path / "fast")],
    )  # fmt: skip
    train_world(run, lambda _: None)
    assert json.loads((tmp_path / "world" / "record.json").read_text())["samples"] == 8
    assert len(list((tmp_path / "world" / "corrected").glob("*/latents/values.npy"))) == 1
    further = replace(run, autoencoder_minutes=0, corrected=[*run.corrected, fast(tmp_path / "further")])
    train_world(further, lambda _: None)
    assert json.loads((tmp_path / "world" / "record.json").read_text())["samples"] == 16, "a further round"


def test_corrections_of_another_robot_are_refused(squares: Path, tmp_path: Path) -> None:
    store = pack([squares], tmp_path / "store", report=lambda _: None)
    with pytest.raises(DatasetError, match="give some of the same robot and camera"):
        corrections([fast(tmp_path / "slow", fps=5)], tmp_path, autoencoder.build(SIZES), store)
