"""How far a goal is, on pictures of a square that goes to the right or down and stops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tasks.learning.trainer import TrainConfig
from tests.video.latent.conftest import half_failed
from tests.vlp.vlm.latent.test_latent_vlm import SIZES, SMALL, Numbers
from video.latent import autoencoder, text
from video.latent.clips import LatentClips
from video.latent.ends import TASK
from video.latent.latents import Latents
from video.latent.prior import ActionPrior
from video.latent.run import network
from video.latent.store import FrameStore
from vlp.vlm.latent import words
from vlp.vlm.latent.lessons import IGNORED, Clock
from vlp.vlm.latent.model import Hints, Network, build
from vlp.vlm.latent.progress import ENDS, Progress, TaskMoments, loss, train_progress
from vlp.vlm.latent.vlm import PROGRESS, LatentVLM

CLOCK = Clock(24.0, (1.0, 4.0))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    """The square is there once it is at the right or at the bottom."""
    return half_failed(tmp_path_factory.mktemp("progress"))


def test_ends_are_asked_about_and_of_failures_no_time(store: FrameStore) -> None:
    moments = TaskMoments(store, Numbers(store), text.learn(store.texts), CLOCK)
    batch = next(moments.batches(4000, 0))
    asked = ~batch["done"].isnan()
    assert float(asked.float().mean()) == pytest.approx(ENDS, abs=0.05)
    assert float(batch["done"][asked].mean()) == pytest.approx(0.5, abs=0.05)
    good = np.repeat(store.success, store.stop - store.start)
    for frame, done, number in zip(
        batch["latents"].flatten().long().tolist(),
        batch["done"].tolist(),
        batch["bins"].tolist(),
        strict=True,
    ):
        assert (number == IGNORED) == (not good[frame])
        if good[frame]:
            assert number == CLOCK.bin(23 - frame % 24)
        assert done != 1.0 or (good[frame] and frame % 24 >= 20), "the end, and none of a failure"


def test_of_what_ends_at_once_all_but_the_last_moment_is_asked_about(store: FrameStore) -> None:
    reader = text.learn(store.texts)
    good = np.flatnonzero(np.repeat(store.success, store.stop - store.start))
    for at_once in (False, True):
        moments = TaskMoments(store, Numbers(store), reader, CLOCK, at_once=at_once)
        batch = next(moments.batches(4000, 0))
        open_ones = batch["latents"].flatten().long()[batch["done"] == 0.0].numpy()
        late = 23 - np.intersect1d(open_ones, good) % 24
        assert (late.min() < 5) == at_once, "frames to the end"


def test_of_failures_alone_it_is_told_that_they_are_not_done(store: FrameStore) -> None:
    failed = FrameStore(**{**vars(store), "success": np.zeros_like(store.success)})
    batch = next(TaskMoments(failed, Numbers(failed), text.learn(store.texts), CLOCK).batches(400, 0))
    asked = batch["done"][~batch["done"].isnan()]
    assert len(asked) and not asked.any()


def parts(store: FrameStore) -> tuple[Latents, LatentClips, ActionPrior, object, object]:
    reader, eye = text.learn(store.texts), autoencoder.build(SIZES)
    latents = Latents(eye, store)
    clips = LatentClips(store, latents, reader, SIZES)
    return latents, clips, network(SIZES, clips, reader).prior, reader, eye


def test_it_learns_how_far_a_goal_is_and_the_vlm_says_what_it_says(store: FrameStore, tmp_path: Path) -> None:
    latents, clips, prior, reader, eye = parts(store)
    moments = TaskMoments(store, latents, reader, CLOCK)
    config = TrainConfig(minutes=5, steps=150, learning_rate=3e-3)
    progress = train_progress(
        prior, clips.scale, [moments], tmp_path / "run", config, size=32, report=lambda _: None
    )
    assert progress is not None
    assert loss(progress, next(moments.batches(256, 1)))[1]["right"] > 0.8
    tokenizer = words.learn(store.texts)
    model = Network(build(len(tokenizer), latents.shape, SMALL), Hints.of(prior, clips.scale, SMALL.width))
    LatentVLM(model, eye, tokenizer, reader, CLOCK, progress=progress).save(tmp_path / "vlm")
    assert (tmp_path / "vlm" / PROGRESS).is_dir()
    vlm = LatentVLM.load(tmp_path / "vlm")
    start = int(store.start[store.success][0])
    frames, goal = np.asarray(store.frames[start : start + 24]), store.texts[store.text[start, TASK]]
    told = vlm.steps_to_go(frames[::4], goal)
    assert np.corrcoef(told.mean, np.arange(6))[0, 1] < -0.8 and (told.spread >= 0).all()
    odds, _ = progress(latents[np.array([start + 23])].float(), text.encode(reader, [goal]))
    assert vlm.chance(frames[-1], goal) == pytest.approx(
        CLOCK.chance(float(odds.detach().sigmoid())), abs=0.05
    )
    assert vlm.chance(frames[-1], goal) > vlm.chance(frames[4], goal)
    LatentVLM(model, eye, tokenizer, reader, CLOCK).save(tmp_path / "vlm")
    assert not (tmp_path / "vlm" / PROGRESS).exists(), "of an earlier training"


def test_where_no_end_is_known_or_nothing_is_trained_there_is_none(store: FrameStore, tmp_path: Path) -> None:
    latents, clips, prior, reader, _ = parts(store)
    failed = FrameStore(**{**vars(store), "success": np.zeros_like(store.success)})
    for given, minutes in ((store, 0.0), (failed, 1.0)):
        some = [TaskMoments(given, latents, reader, CLOCK)]
        config = TrainConfig(minutes=minutes, steps=1)
        assert train_progress(prior, clips.scale, some, tmp_path, config, size=4) is None


def test_it_sees_by_words_at_the_scale_that_it_was_trained_at(store: FrameStore) -> None:
    latents, clips, prior, reader, _ = parts(store)
    torch.manual_seed(0)
    progress = Progress.of(prior, clips.scale).eval()
    raw = latents[np.arange(4)].float()
    torch.testing.assert_close(progress.unit(raw), (raw - clips.scale.latent_mean) / clips.scale.latent_std)
    one, other = (progress(raw, text.encode(reader, [said] * 4))[0] for said in ("go right", "go down"))
    assert float((one - other).detach().abs().max()) > 1e-5
