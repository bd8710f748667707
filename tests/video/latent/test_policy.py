"""The policy at a small size, on a square that goes where it is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from tests.video.latent.conftest import without_actions, write
from video.latent import autoencoder, text
from video.latent.asked import WorldTraining
from video.latent.bundle import LatentBundle, LatentWeightsError
from video.latent.clips import LatentClips
from video.latent.config import LatentConfig
from video.latent.latents import Latents
from video.latent.policy.network import ANY_TIME, NOTHING, LatentPolicy
from video.latent.policy.pairs import Pairs, loss
from video.latent.policy.policy import PicturePolicy
from video.latent.policy.train import PolicyTraining, train_policy
from video.latent.prior import ActionPrior
from video.latent.run import train_world
from video.latent.store import FrameStore, pack

SIZES = LatentConfig(frames=3, seconds=0.3, width=64, layers=3, text_layers=1)


def pairs_of(store: FrameStore) -> Pairs:
    """Of an autoencoder that was not trained: a random one keeps places."""
    torch.manual_seed(0)
    latents = Latents(autoencoder.build(SIZES), store)
    tokenizer = text.learn(store.texts)
    return Pairs(store, latents, LatentClips(store, latents, tokenizer, SIZES).scale, tokenizer)


@pytest.fixture(scope="module")
def store(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return pack([squares], tmp_path_factory.mktemp("store") / "store", report=lambda _: None)


@pytest.fixture(scope="module")
def learned(store: FrameStore) -> LatentPolicy:
    """One that knows where to go, of what it is shown and of what it is told."""
    return taught(pairs_of(store), 150)


def taught(pairs: Pairs, steps: int) -> LatentPolicy:
    """After so many updates."""
    torch.manual_seed(0)
    prior = ActionPrior(frames=3, chunk=12, size=(8, 8, 8), vocabulary=512, width=64, heads=4, text_layers=1)
    model = LatentPolicy.beside(prior, channels=8, height=8, width=8, actions=2, hidden=32, wide=128)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _, batch in zip(range(steps), pairs.batches(32, 0), strict=False):
        optimizer.zero_grad()
        loss(model, batch)[0].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return cast(LatentPolicy, model.eval())


def test_pairs_are_of_one_episode(store: FrameStore) -> None:
    pairs = pairs_of(store)
    batch = pairs.at(np.array([0, 22, 20]), np.array([5, 9, 12]), np.zeros(3, bool))
    assert batch["left"].tolist() == [5, 1, 3], "no further than the episode's last frame"
    assert batch["there"].sum(1).tolist() == [5, 1, 3]
    assert not batch["words"].any(), "nothing is told of a frame that anything may have led to"
    with pytest.raises(ValueError, match="expected episodes with actions, got none"):
        pairs_of(replace(store, acted=np.zeros_like(store.acted)))


def test_what_is_told_and_shown_belong_together(store: FrameStore) -> None:
    """Words say nothing of what comes after their end; without a frame they are all that is known."""
    pairs, all_told = pairs_of(replace(store, text=_halved(store))), np.ones(2, bool)
    batch = pairs.at(np.array([2, 2]), np.array([20, NOTHING]), all_told)
    assert batch["left"].tolist() == [8, NOTHING], "no further than where something else is told"
    assert batch["words"].any(1).all() and batch["there"].all()
    seen = next(pairs.batches(256, 0))
    assert set(seen["left"].tolist()) >= {NOTHING, ANY_TIME, 1}
    assert seen["words"][seen["left"] == NOTHING].any(1).all(), "something is always wanted"


def test_words_are_told_of_successes_alone(store: FrameStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it failed, frames say alone what was wanted."""
    success = np.arange(len(store.success)) % 2 == 0
    pairs, good = pairs_of(replace(store, success=success)), np.repeat(success, store.stop - store.start)
    asked, at = list[tuple[NDArray[np.int64], NDArray[np.bool_]]](), pairs.at

    def kept(starts: NDArray[np.int64], left: NDArray[np.int64], told: NDArray[np.bool_]) -> Any:
        asked.append((starts, told))
        assert ((left != NOTHING) | told).all(), "something is always wanted"
        return at(starts, left, told)

    monkeypatch.setattr(pairs, "at", kept)
    next(pairs.batches(512, 0))
    ((starts, told),) = asked
    assert good[starts[told]].all() and not good[starts[~told]].all() and told.any()


def test_some_are_shown_where_they_are_and_rest_there(store: FrameStore) -> None:
    """Where an episode ended well: what was done last goes on, and not what the next episode begins with."""
    actions = store.actions.copy()
    actions[store.stop - 1] = 0
    stilled = replace(store, actions=actions)
    resting = _resting(pairs_of(stilled))
    assert 8 < len(resting["left"]) < 40, "a quarter of a twelfth of 1,024"
    assert set(resting["left"].tolist()) == {ANY_TIME}
    assert torch.equal(resting["now"], resting["wanted"])
    assert not len(_resting(pairs_of(replace(stilled, success=np.zeros_like(store.success))))["left"])


def _resting(pairs: Pairs) -> dict[str, torch.Tensor]:
    """Of random samples those in which nothing at all is to be done, as nowhere within an episode."""
    batch, still = next(pairs.batches(1024, 0)), (0 - pairs.scale.action_mean) / pairs.scale.action_std
    chosen = batch["there"].all(1) & torch.isclose(batch["actions"], still).all(2).all(1)
    return {name: value[chosen] for name, value in batch.items()}


def _halved(store: FrameStore) -> NDArray[np.int64]:
    """Another subgoal from the tenth frame of each episode on."""
    changed = store.text.copy()
    for start, stop in zip(store.start, store.stop, strict=True):
        changed[start + 10 : stop, 0] = (changed[start, 0] + 1) % len(store.texts)
    return changed


def test_it_goes_where_it_is_shown(store: FrameStore, learned: LatentPolicy) -> None:
    """Words are not given: the wanted frame alone tells which way, also where its time is not known."""
    pairs, starts = pairs_of(store), np.array([1, 25, 50, 75])
    batch = pairs.at(starts, np.full(4, 6), np.zeros(4, bool))
    assert [store.texts[k] for k in store.text[starts, 0]] == ["go right", "go down"] * 2
    for left in (batch["left"], torch.full((4,), ANY_TIME)):
        with torch.no_grad():
            told = learned(batch["now"], batch["wanted"], left, batch["words"]).expected
        gap = ((told - batch["actions"]) ** 2).mean()
        assert gap < 0.1 * (batch["actions"] ** 2).mean()


def test_it_goes_where_it_is_told(store: FrameStore, learned: LatentPolicy) -> None:
    """No frame is shown: the words tell which way, and what a frame holds that is not wanted says nothing."""
    pairs, starts = pairs_of(store), np.array([1, 25, 50, 75])
    batch = pairs.at(starts, np.full(4, NOTHING), np.ones(4, bool))
    with torch.no_grad():
        told = learned(batch["now"], batch["wanted"], batch["left"], batch["words"]).expected
        other = torch.randn_like(batch["wanted"])
        same = learned(batch["now"], other, batch["left"], batch["words"]).expected
    assert ((told - batch["actions"]) ** 2).mean() < 0.2 * (batch["actions"] ** 2).mean()
    assert torch.equal(told, same)


def test_poses_are_not_looked_at(tmp_path: Path) -> None:
    def weights(poses: float) -> dict[str, torch.Tensor]:
        root = tmp_path / f"{poses}"
        store = pack([write(root / "data", poses)], root / "store", report=lambda _: None)
        return dict(taught(pairs_of(store), 6).state_dict())

    one, other = weights(0.0), weights(123.0)
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
    own = PicturePolicy(bundle, trained)
    for wanted in (frames[1], None):
        expected = own.actions(frames[0], wanted, 6, "go right")
        found = again.actions(frames[0], wanted, 6, "go right")
        assert found.shape == (3, 2), "as many as from frame to frame"
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
