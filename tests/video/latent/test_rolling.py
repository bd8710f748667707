"""The rolling model: what is seen goes a short way at a time by what is sent, and stays sharp."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tasks.data.layout import DatasetError
from tests.video.latent.conftest import without_actions, write
from tests.video.latent.test_latent import SMALL
from video.latent import autoencoder, text
from video.latent.asked import WorldTraining
from video.latent.beats import Beats, loss
from video.latent.bundle import LatentBundle, LatentWeightsError
from video.latent.clips import LatentClips, beat_of
from video.latent.latents import Latents
from video.latent.pipeline import LatentPipeline
from video.latent.prior import ActionPrior
from video.latent.rolling import BEAT, Rolling
from video.latent.run import train_world
from video.latent.scenes import centers, turned
from video.latent.sketch import outcome
from video.latent.store import FrameStore, pack


@pytest.fixture(scope="module")
def store(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return pack([squares], tmp_path_factory.mktemp("store") / "store", report=lambda _: None)


def beats_of(store: FrameStore) -> Beats:
    """Of an autoencoder that was not trained: a random one keeps places."""
    torch.manual_seed(0)
    latents, tokenizer = Latents(autoencoder.build(SMALL), store), text.learn(store.texts)
    return Beats(
        store, latents, LatentClips(store, latents, tokenizer, SMALL).scale, tokenizer, stride=4, small=2
    )


def test_a_beat_is_a_part_of_a_stride() -> None:
    assert [beat_of(stride, BEAT) for stride in (1, 2, 3, 4, 5, 6, 7, 8, 9)] == [1, 2, 1, 2, 1, 2, 1, 2, 1]


def test_things_are_moved_and_turned_about_their_middles() -> None:
    picture = torch.zeros(1, 1, 1, 12, 16)
    picture[..., 4:6, 4:8] = 1
    center = centers(picture[:, :, 0])
    torch.testing.assert_close(center, torch.tensor([[[-2.0, -1.0]]]))
    moved = turned(picture, torch.tensor([[[3.0, 2.0, 0.0]]]), center)
    torch.testing.assert_close(moved[..., 6:8, 7:11], torch.ones(1, 1, 1, 2, 4))
    assert moved.sum() == pytest.approx(8, abs=1e-3)
    upright = turned(picture, torch.tensor([[[0.0, 0.0, math.pi / 2]]]), center)
    torch.testing.assert_close(upright[..., 3:7, 5:7], torch.ones(1, 1, 1, 4, 2))
    gone = turned(picture, torch.tensor([[[20.0, 0.0, 0.0]]]), center)
    assert not gone.any(), "nothing comes from beyond the edge"


def test_a_thing_is_cut_out_whole_and_what_is_around_is_behind_it() -> None:
    """By its pixels, where the prior says that something will change; before anything was learned."""
    torch.manual_seed(0)
    model = Rolling(channels=8, height=12, width=16, fine=2, actions=2, beat=2, layers=2, hidden=16)
    picture = torch.full((1, 3, 48, 64), 0.6)
    picture[..., 17:23, 22:29] = -0.8
    ahead = torch.zeros(1, 9, 12, 16)
    ahead[:, -1] = -6.0
    ahead[:, -1, 4:6, 5:8] = torch.tensor([1.0, 3.0, 0.5])  # as sure as that it is, it is opaque
    with torch.no_grad():
        scene = model.begin(picture, torch.randn(1, 8, 12, 16), ahead)
        moved = replace(scene, ways=scene.ways + torch.tensor([3.0, 1.0, 0.0])).drawn[0]
    assert (scene.drawn[0] - picture).abs().max() < 0.1
    assert (moved[..., 21:27, 34:41] + 0.8).abs().max() < 0.1, "all of it"
    assert (moved[..., 17:21, 22:29] - 0.6).abs().max() < 0.1, "nothing of it stays"


def test_samples_end_where_what_is_told_does(store: FrameStore) -> None:
    beats = beats_of(store)
    assert beats.beat == 2
    batch = beats.at(np.array([0, 15]), 5)
    assert batch["there"].tolist() == [[1] * 5, [1, 1, 1, 1, 0]]
    assert batch["latents"].shape == (2, 8, 8, 8) and batch["sent"].shape == (2, 5, 8)
    assert batch["pictures"].shape == (2, 6, 3, 16, 16)
    first = batch["pictures"][:, 0].permute(0, 2, 3, 1).numpy()
    small = store.frames[[0, 15]].astype(float).reshape(2, 16, 2, 16, 2, 3).mean((2, 4))
    assert np.abs(first - small).max() <= 0.5
    assert torch.equal(batch["pictures"][1, 4], batch["pictures"][1, 5]), "past the end is the end"
    assert not batch["sent"][0, 0, :4].any(), "nothing was sent before the first frame"
    assert torch.equal(batch["sent"][0, 1, :4], batch["sent"][0, 0, 4:])
    drawn = next(beats.batches(64, 0))
    assert (drawn["words"] == 0).all(1).any() and (drawn["words"] != 0).any()


def test_a_thing_goes_where_it_is_sent(store: FrameStore) -> None:
    """Words say nothing of it: the actions alone do, and others than the true ones lead elsewhere."""
    beats = beats_of(store)
    torch.manual_seed(0)
    prior = ActionPrior(frames=3, chunk=6, size=(8, 8, 8), vocabulary=512, width=64, heads=4, text_layers=1)
    model = Rolling(channels=8, height=8, width=8, fine=2, actions=2, beat=2, layers=2, hidden=16)
    batch = beats.at(np.arange(0, 192, 12), 5)
    batch["words"] = torch.zeros_like(batch["words"])
    batch["last"] = beats.at(np.arange(0, 192, 12) + 10, 1)["latents"]
    known(prior, batch)
    rolled_on(model, prior, batch, 80, rate=4e-3)
    with torch.no_grad():
        learned, logs = loss(model, prior, batch)
        other, _ = loss(model, prior, {**batch, "sent": batch["sent"].roll(1, 0)})
    assert logs["all_5"] < 0.5 and other > 1.5 * learned


def pushes(count: int) -> dict[str, Tensor]:
    """A robot [2 x 2 cells] that goes right or left, and a block beside it that it takes along once it is
    there, five beats of a cell."""
    rng = np.random.default_rng(0)
    pictures, sent = torch.zeros(count, 6, 3, 12, 16, dtype=torch.uint8), torch.zeros(count, 5, 8)
    for i in range(count):
        way, gap, row = int(rng.choice([-1, 1])), int(rng.integers(2, 6)), int(rng.integers(1, 9))
        robot, block = 6.0, 6.0 + way * gap
        sent[i, :, 0::2] = way
        for beat in range(6):
            for channel, x in ((0, robot), (1, block)):
                pictures[i, beat, channel, row : row + 2, round(x) : round(x) + 2] = 255
            robot += way
            block += way * (abs(block - robot) < 2)
    latents = 3.0 * (pictures.float() / 255)
    return {
        "pictures": pictures,
        "latents": F.pad(latents[:, 0], (0, 0, 0, 0, 0, 5)),
        "last": F.pad(latents[:, -1], (0, 0, 0, 0, 0, 5)),
        "sent": sent,
        "there": torch.ones(count, 5),
        "words": torch.zeros(count, 4, dtype=torch.long),
    }


def test_what_is_touched_is_taken_along() -> None:
    """Nothing is known of blocks: it is seen in what happened, and told by where things are to each other."""
    torch.manual_seed(0)
    prior = ActionPrior(frames=3, chunk=6, size=(8, 12, 16), vocabulary=5, width=64, heads=2, text_layers=1)
    model = Rolling(channels=8, height=12, width=16, fine=1, actions=2, beat=2, layers=2, hidden=16)
    known(prior, batch := pushes(20))
    learned = rolled_on(model, prior, batch, 70, rate=3e-3)
    for value in model.meeting[4].parameters():
        value.data.zero_()
    without = float(loss(model, prior, batch)[0].detach())
    assert learned < 0.4 and without > 1.5 * learned, f"{learned:.2f}, {without:.2f} without meeting"


def known(prior: ActionPrior, batch: dict[str, Tensor]) -> None:
    """It learns which cells will have changed."""
    optimizer = torch.optim.AdamW(prior.parameters(), 3e-3)
    for _ in range(60):
        first, last = batch["latents"], batch["last"]
        optimizer.zero_grad()
        sum(outcome(prior.look_ahead(first, batch["words"])[1], last - first, 0.4)).backward()  # type: ignore[union-attr]
        optimizer.step()


def rolled_on(model: Rolling, prior: ActionPrior, batch: dict[str, Tensor], steps: int, rate: float) -> float:
    """Its loss after so many updates."""
    optimizer = torch.optim.AdamW(model.parameters(), rate)
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(model, prior, batch)[0]
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return float(value.detach())


PARTS = pytest.mark.parametrize("part", ["rolling", "flow"])
"""What imagines a short way at a time."""


def asked(part: str) -> dict[str, Any]:
    return {f"{part}_minutes": 5, f"{part}_steps": 2}


@PARTS
def test_it_is_trained_last_kept_and_begins_every_clip(squares: Path, tmp_path: Path, part: str) -> None:
    run = WorldTraining(
        data=[squares], folder=tmp_path, config=SMALL, minutes=5, steps=2, sketch_minutes=5, sketch_steps=2,
        **asked(part),
    )  # fmt: skip
    trained = getattr(train_world(run, lambda _: None), part)
    assert trained is not None
    bundle = LatentBundle.load(tmp_path / "weights")
    assert getattr(bundle, part).config.beat == 1
    pipeline, frames = LatentPipeline(bundle), np.full((2, 32, 32, 3), 90, np.uint8)
    words, sent = ["go right", "go down"], np.zeros((2, 9, 2), np.float32)
    clips, actions = pipeline.joint(frames, words, [0, 1])
    assert clips.shape == (2, 3, 32, 32, 3) and actions.shape == (2, 9, 2)
    again, _ = pipeline.joint(frames, words, [0, 1])
    np.testing.assert_array_equal(clips, again, "a function of the seeds")
    _, others = pipeline.joint(frames, words, [2, 3])
    assert np.abs(others - actions).max() > 1e-4, "branches differ"
    predicted = pipeline.predict(frames, sent, [0, 1])
    assert predicted.shape == clips.shape
    nothing: Any = {"minutes": 0, "sketch_minutes": 0, f"{part}_minutes": 0}
    kept = train_world(replace(run, **nothing), lambda _: None)
    assert getattr(kept, part) is not None, "it is there after a training without it"


@PARTS
def test_a_prior_alone_and_what_rolls_act_and_imagine(
    squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    run = WorldTraining(
        data=[squares], folder=tmp_path, config=SMALL, minutes=0, whole=False, sketch_minutes=5,
        sketch_steps=2, **asked(part),
    )  # fmt: skip
    train_world(run, lambda _: None)
    assert not (tmp_path / "weights" / "transformer").exists()
    pipeline = LatentPipeline(LatentBundle.load(tmp_path / "weights"))
    frames = np.full((2, 32, 32, 3), 90, np.uint8)
    clips, _ = pipeline.joint(frames, ["go right", "go down"], [0, 1])
    looked, look = list[int](), ActionPrior.look

    def counted(own: ActionPrior, *given: Tensor) -> Tensor:
        looked.append(1)
        return torch.as_tensor(look(own, *given))

    monkeypatch.setattr(ActionPrior, "look", counted)
    pipeline.joint(frames, ["go right", "go down"], [0, 1])
    assert len(looked) == 4, "after the first of nine beats, every second one"
    first, other = (pipeline.act(frames, ["go right"] * 2, seeds) for seeds in ([0, 0], [0, 1]))
    np.testing.assert_array_equal(first[0], other[0], "a function of the seeds")
    assert np.abs(other[1] - other[0]).max() > 1e-3, "sampled"
    with pytest.raises(LatentWeightsError, match=r"expected weights of the whole network, got"):
        pipeline.explain(frames, clips, [0, 1])


def test_a_prior_alone_needs_actions(tmp_path: Path) -> None:
    silent = without_actions(write(tmp_path / "data"))
    run = WorldTraining(data=[silent], folder=tmp_path / "world", config=SMALL, minutes=0, whole=False)
    with pytest.raises(DatasetError, match="expected actions for a prior of them"):
        train_world(run, lambda _: None)


@PARTS
def test_video_alone_has_none(tmp_path: Path, part: str) -> None:
    silent = without_actions(write(tmp_path / "data"))
    run = WorldTraining(data=[silent], folder=tmp_path, config=SMALL, minutes=0, **asked(part))
    assert getattr(train_world(run, lambda _: None), part) is None
    assert not (tmp_path / "weights" / part).exists()
