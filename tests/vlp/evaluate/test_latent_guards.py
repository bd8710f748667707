"""Calibration of the guards without blocks, with a real model that learned a small world by heart."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planner.guards.limits import GuardLimits
from tests.video.latent.test_latent import SMALL, by_heart
from video.latent.asked import WorldTraining
from video.latent.bundle import LatentBundle
from video.latent.pipeline import LatentPipeline
from video.latent.run import train_world
from video.latent.store import FrameStore, load
from vlp.bench.video.clips import choose
from vlp.evaluate.latent_guards import LatentGuardOptions, leaps, main, scored, spoiled
from vlp.vlm.latent.model import NetworkConfig
from vlp.vlm.latent.train import VlmTraining, train_vlm


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return by_heart(tmp_path_factory)


@pytest.fixture(scope="module")
def data(learned: Path) -> Path:
    return learned / "data"


@pytest.fixture(scope="module")
def store(learned: Path) -> FrameStore:
    return load(learned / "store")


@pytest.fixture(scope="module")
def weights(learned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, which gets limits."""
    return shutil.copytree(learned / "weights", tmp_path_factory.mktemp("weights") / "weights")


def test_limits_of_a_real_model(weights: Path, data: Path, store: FrameStore, tmp_path: Path) -> None:
    options = LatentGuardOptions(weights, data, clips=24, steps=2, rate=0.1, device="cpu", out=tmp_path)
    main(options)
    found = json.loads((tmp_path / "latent-guards.json").read_text())
    limits = GuardLimits.load(weights)
    assert limits.inconsistency == pytest.approx(found["limits"]["inconsistency"], abs=1e-4)
    assert found["clips"] == {"calibrating": 12, "measured": 12}
    assert found["false_positives"]["any"]["of"] == 12
    bad = found["spoiled_dropped"]
    assert bad["nothing_moves"]["still"]["share"] == 1.0
    assert bad["turned_over"]["inconsistency"]["share"] > found["false_positives"]["inconsistency"]["share"]


def test_what_was_spoiled_is_explained_worse(weights: Path, store: FrameStore) -> None:
    pipeline = LatentPipeline(LatentBundle.load(weights), steps=2)
    clips = choose(store, frames=3, stride=3, count=16, seed=0).clips
    good = scored(pipeline, clips.first, clips.truth, 32)
    bad = scored(pipeline, clips.first, spoiled(clips.truth, clips.first)["turned_over"], 32)
    assert float(np.median(bad["inconsistency"])) > float(np.median(good["inconsistency"])) + 0.1


def test_leaps_are_in_control_steps(store: FrameStore, data: Path, tmp_path: Path) -> None:
    eye: dict[str, Any] = {"autoencoder_minutes": 5, "autoencoder_steps": 2}
    train_world(WorldTraining(data=[data], folder=tmp_path, config=SMALL, minutes=0, **eye), lambda _: None)
    vlm = train_vlm(
        VlmTraining(
            data=[data], world=tmp_path, folder=tmp_path / "vlm", minutes=0, sizes=SMALL,
            config=NetworkConfig(width=32, layers=2, heads=2),
        ),
        lambda _: None,
    )  # fmt: skip
    first = np.asarray(store.frames[[0, 24]])
    clips = np.stack([store.frames[[3, 6]], store.frames[[27, 30]]])
    found = leaps(vlm, first, clips, ["go right", "go down"])
    one = vlm.steps_to_go(np.stack([first[0], clips[0, -1]]), "go right").mean
    assert found.shape == (2,) and found[0] == pytest.approx(float(one[0] - one[1]))
