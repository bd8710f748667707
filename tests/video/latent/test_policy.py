"""The policy at a small size, on a square that goes where it is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.video.latent.conftest import without_actions, write
from video.latent import autoencoder, text
from video.latent.bundle import LatentBundle, LatentWeightsError
from video.latent.clips import LatentClips
from video.latent.config import LatentConfig
from video.latent.latents import Latents
from video.latent.policy.network import LatentPolicy
from video.latent.policy.pairs import Pairs, loss
from video.latent.policy.policy import PicturePolicy
from video.latent.policy.train import PolicyTraining, train_policy
from video.latent.run import WorldTraining, train_world
from video.latent.store import FrameStore, pack

SIZES = LatentConfig(frames=3, seconds=0.3, width=64, layers=3, text_layers=1)


def pairs_of(store: FrameStore) -> Pairs:
    """Of an autoencoder that was not trained: a random one keeps places."""
    torch.manual_seed(0)
    latents = Latents(autoencoder.build(SIZES), store)
    return Pairs(store, latents, LatentClips(store, latents, text.learn(store.texts), SIZES).scale)


@pytest.fixture(scope="module")
def store(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return pack([squares], tmp_path_factory.mktemp("store") / "store", report=lambda _: None)


def taught(pairs: Pairs, steps: int) -> LatentPolicy:
    """After so many updates."""
    torch.manual_seed(0)
    model = LatentPolicy(channels=8, height=8, width=8, actions=2, hidden=32, wide=128)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    for _, batch in zip(range(steps), pairs.batches(32, 0), strict=False):
        optimizer.zero_grad()
        loss(model, batch)[0].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return cast(LatentPolicy, model.eval())


def test_pairs_are_of_one_episode(store: FrameStore) -> None:
    pairs = pairs_of(store)
    batch = pairs.at(np.array([0, 22, 20]), np.array([5, 9, 12]))
    assert batch["left"].tolist() == [5, 1, 3], "no further than the episode's last frame"
    assert batch["there"].sum(1).tolist() == [5, 1, 3]
    with pytest.raises(ValueError, match="expected episodes with actions, got none"):
        pairs_of(replace(store, acted=np.zeros_like(store.acted)))


def test_it_goes_where_it_is_shown(store: FrameStore) -> None:
    """Words are not given: the wanted frame alone tells which way."""
    pairs = pairs_of(store)
    model, batch = taught(pairs, 160), pairs.at(np.array([1, 25, 50, 75]), np.full(4, 6))
    assert [store.texts[k] for k in store.text[[1, 25, 50, 75], 0]] == ["go right", "go down"] * 2
    with torch.no_grad():
        told = model(batch["now"], batch["wanted"], batch["left"])
    gap = ((told - batch["actions"]) ** 2).mean()
    assert gap < 0.1 * (batch["actions"] ** 2).mean()


def test_poses_are_not_looked_at(tmp_path: Path) -> None:
    def learned(poses: float) -> dict[str, torch.Tensor]:
        root = tmp_path / f"{poses}"
        store = pack([write(root / "data", poses)], root / "store", report=lambda _: None)
        return dict(taught(pairs_of(store), 20).state_dict())

    one, other = learned(0.0), learned(123.0)
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_weights_are_read_back(squares: Path, tmp_path: Path) -> None:
    world = WorldTraining(
        data=[squares], folder=tmp_path, config=SIZES, minutes=0, autoencoder_minutes=5, autoencoder_steps=2
    )
    train_world(world, lambda _: None)
    run = PolicyTraining(
        data=[squares], world=tmp_path, folder=tmp_path / "policy", minutes=5, steps=3, sizes=SIZES
    )
    trained = train_policy(run, lambda _: None).eval()
    bundle = LatentBundle.load(tmp_path / "weights")
    again = PicturePolicy.load(bundle, tmp_path / "weights")
    frames = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 3), dtype=np.uint8)
    expected = PicturePolicy(bundle, trained).actions(frames[0], frames[1], 6)
    found = again.actions(frames[0], frames[1], 6)
    assert found.shape == (6, 2)
    np.testing.assert_allclose(found, expected, atol=0.05)
    with pytest.raises(LatentWeightsError, match=r"expected a policy of `vlp train world-policy`"):
        PicturePolicy.load(bundle, tmp_path / "elsewhere")
    weights = tmp_path / "weights"
    lacks(weights / "policy", "points.seen.weight")
    with pytest.raises(LatentWeightsError, match="expected a policy"):
        PicturePolicy.load(bundle, weights)
    lacks(weights / "transformer", "wholes.clear")
    with pytest.raises(LatentWeightsError, match="expected a model of `vlp train world`"):
        LatentBundle.load(weights)


def lacks(folder: Path, part: str) -> None:
    """Take a part out of weights, as those of an earlier network lack it."""
    (path,) = folder.glob("*.safetensors")
    found = load_file(path)
    del found[part]
    save_file(found, path)


def test_video_without_actions_teaches_no_policy(tmp_path: Path) -> None:
    store = pack([without_actions(write(tmp_path / "data"))], tmp_path / "store", report=lambda _: None)
    with pytest.raises(ValueError, match="expected episodes with actions"):
        pairs_of(store)
