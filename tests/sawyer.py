"""What the tests of Meta-World share: whether it runs here, and small learned models of it."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Final

import pytest

from tasks.data.footage import read_footage
from tasks.data.lerobot_write import DatasetWriter
from tasks.metaworld.available import missing
from tasks.metaworld.catalog import BY_NAME
from tasks.metaworld.collect import SCHEMA, SawyerDemonstrations
from tests.conftest import ROOT
from tests.once import once
from video.latent.asked import WorldTraining
from video.latent.config import LatentConfig
from video.latent.policy.train import PolicyTraining, train_policy
from video.latent.run import train_world
from vlp.domains.base import domain
from vlp.domains.metaworld.jobs import train
from vlp.latent.imagination import Imagination
from vlp.vlm.latent.model import NetworkConfig
from vlp.vlm.latent.train import VlmTraining, train_vlm

SIZE: Final = 48
"""Pixels a side of the pictures that the small models learn from."""
SIZES: Final = LatentConfig(
    frames=3, encoder_widths=(8, 8, 16), decoder_widths=(8, 8, 16), width=64, layers=1, text_layers=1, batch=4
)
EYE_STEPS: Final = 250
"""After 200 its own first pictures are drawn again with 0.57 and 0.84 of a flat picture's error."""


def needs_metaworld() -> None:
    """Skip, and say loudly why."""
    if why := missing():
        pytest.skip(f"META-WORLD IS NOT TESTED HERE: {why}", allow_module_level=True)


def make(root: Path) -> None:
    """Train all; the autoencoder for long enough to know its own pictures."""
    data, made = root / "data", SawyerDemonstrations(size=SIZE)
    with DatasetWriter(data, SCHEMA) as writer:
        for task in ("door-open", "button-press"):
            writer.add(made.episode(BY_NAME[task], "corner3", seed=10, kind="expert"))
    made.close()
    asked: dict[str, Any] = {"data": [data], "folder": root / "world", "config": SIZES, "minutes": 5}
    asked |= {"steps": 3, "autoencoder_minutes": 5, "autoencoder_steps": EYE_STEPS}
    world = WorldTraining(**asked, learning_rate=5e-3)
    bundle = train_world(world, lambda _: None)
    assert all(Imagination(bundle, steps=1).knows(footage.rgb[0]) for footage in read_footage(data))
    beside: dict[str, Any] = {"data": [data], "world": root / "world", "sizes": SIZES}
    small = NetworkConfig(width=32, layers=2, heads=2)
    train_vlm(
        VlmTraining(**beside, folder=root / "vlm", minutes=0.001, config=small, batch=4), lambda _: None
    )
    policy = PolicyTraining(**beside, folder=root / "policy", minutes=5, steps=3, batch=8)
    train_policy(policy, lambda _: None)
    asked = {"data": data, "cache": root / "bc", "export": root / "cloned", "device": "cpu"}
    train("bc", minutes=0.001, report=lambda _: None, **asked)


def hardly_trained(factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders of learned weights, with a VLM and a policy beside them, and of a cloned policy."""
    root = once(factory, "sawyer", make)
    return root / "world" / "weights", root / "cloned"


@pytest.fixture
def installed_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry points as pyproject.toml has them, whether or not this checkout was installed since."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points = project["entry-points"]["vlp.domains"]
    found = [EntryPoint(name, value, "vlp.domains") for name, value in points.items()]
    monkeypatch.setattr("vlp.domains.base.entry_points", lambda group: found)
    domain.cache_clear()
