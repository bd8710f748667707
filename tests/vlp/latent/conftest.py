"""Learned models of the tabletop at the smallest size, hardly trained: all is there, and knows nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks.tabletop.demos.collect import collect
from tests.once import once
from video.latent.asked import WorldTraining
from video.latent.config import LatentConfig
from video.latent.policy.train import PolicyTraining, train_policy
from video.latent.run import train_world
from vlp.vlm.latent.model import NetworkConfig
from vlp.vlm.latent.train import VlmTraining, train_vlm

SIZES = LatentConfig(
    frames=3, encoder_widths=(8, 8, 16), decoder_widths=(8, 8, 16), width=64, layers=1, text_layers=1, batch=4
)


def make(root: Path) -> None:
    """All three, as training leaves them."""
    data = [root / "data"]
    collect(data[0], episodes=2, kind="push", first_seed=10)
    quiet: dict[str, Any] = {"data": data, "folder": root / "world", "config": SIZES, "minutes": 5}
    train_world(WorldTraining(**quiet, autoencoder_minutes=5, steps=3, autoencoder_steps=10), lambda _: None)
    beside: dict[str, Any] = {"data": data, "world": root / "world", "sizes": SIZES}
    small = NetworkConfig(width=32, layers=2, heads=2)
    train_vlm(
        VlmTraining(**beside, folder=root / "vlm", minutes=0.001, config=small, batch=4), lambda _: None
    )
    policy = PolicyTraining(**beside, folder=root / "policy", minutes=5, steps=3, batch=8)
    train_policy(policy, lambda _: None)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all three."""
    return once(tmp_path_factory, "tabletop", make) / "world" / "weights"
