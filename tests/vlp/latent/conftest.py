"""Learned models of the tabletop at the smallest size, hardly trained: all is there, and knows nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks.tabletop.demos.collect import collect
from video.latent.config import LatentConfig
from video.latent.policy.train import PolicyTraining, train_policy
from video.latent.run import WorldTraining, train_world
from vlp.vlm.latent.model import NetworkConfig
from vlp.vlm.latent.train import VlmTraining, train_vlm

SIZES = LatentConfig(
    frames=3, encoder_widths=(8, 8, 16), decoder_widths=(8, 8, 16), width=64, layers=1, text_layers=1, batch=4
)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all three, as training leaves it."""
    root = tmp_path_factory.mktemp("learned")
    data = [root / "data"]
    collect(data[0], episodes=2, kind="push", first_seed=10)
    quiet: dict[str, Any] = {"data": data, "folder": root / "world"}
    train_world(WorldTraining(**quiet, config=SIZES, minutes=0.02, autoencoder_minutes=0.05), lambda _: None)
    small = NetworkConfig(width=32, layers=2, heads=2)
    beside: dict[str, Any] = {"data": data, "world": root / "world", "sizes": SIZES, "minutes": 0.01}
    train_vlm(VlmTraining(**beside, folder=root / "vlm", config=small, batch=4), lambda _: None)
    train_policy(PolicyTraining(**beside, folder=root / "policy", batch=8), lambda _: None)
    return root / "world" / "weights"
