"""When what is told is over: seen beside how it was before, and rested from then on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.video.latent.test_latent import SMALL
from video.latent.asked import TERMINATION, WorldTraining
from video.latent.bundle import LatentBundle, LatentWeightsError
from video.latent.ends import SUBGOAL
from video.latent.pipeline import LatentPipeline
from video.latent.run import train_world
from video.latent.store import load
from video.latent.termination import OVER


@pytest.fixture(scope="module")
def run(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> WorldTraining:
    """A training of all parts, and what is over learned longest."""
    made = WorldTraining(
        data=[squares], folder=tmp_path_factory.mktemp("world"), config=replace(SMALL, batch=6), minutes=0,
        whole=False, autoencoder_minutes=5, autoencoder_steps=30, sketch_minutes=5, sketch_steps=30,
        rolling_minutes=5, rolling_steps=2, termination_minutes=5, termination_steps=150, learning_rate=8e-3,
    )  # fmt: skip
    train_world(made, lambda _: None)
    return made


@pytest.fixture
def pipeline(run: WorldTraining) -> LatentPipeline:
    return LatentPipeline(LatentBundle.load(run.folder / "weights"))


def test_an_end_is_told_by_how_it_was_before(run: WorldTraining, pipeline: LatentPipeline) -> None:
    """A square went as far as it was to go, wherever that is: a picture alone says nothing of it."""
    store = load(run.folder / "store")
    seen: list[bool] = []
    said = [store.texts[store.text[start, SUBGOAL]] for start in store.start]
    for start, stop, words in zip(store.start, store.stop, said, strict=True):
        first, early, last = (store.frames[i] for i in (start, (2 * start + stop) // 3, stop - 1))
        begun, now = np.stack([first, first, last]), np.stack([last, early, last])
        over, halfway, nothing_since = pipeline.over(begun, now, [words] * 3)
        assert max(halfway, nothing_since) < min(OVER, over / 5)
        seen.append(pipeline.is_over(first, last, words))
    assert sum(seen) >= 6, "of eight: half of what is seen is left out where they are learned"


def test_what_is_over_is_rested_from(pipeline: LatentPipeline) -> None:
    frames = np.full((2, 32, 32, 3), 90, np.uint8)
    ending, words = pipeline.bundle.termination, ["go right", "go down"]
    assert ending is not None
    sent = np.ones((2, 9, 2), np.float32)
    joint, predicted = {}, {}
    for bias in (-100.0, 100.0):
        torch.nn.init.constant_(ending.told[-1].bias, bias)  # type: ignore[arg-type]
        joint[bias] = pipeline.joint(frames, words, [0, 1])[1]
        predicted[bias] = pipeline.predict(frames, sent, [0, 1])
    never, soon = joint.values()
    np.testing.assert_array_equal(soon[:, :2], never[:, :2], "until it is looked at again")
    np.testing.assert_allclose(soon[:, 2:], 0.0, atol=1e-5)
    assert np.abs(never[:, 2:]).max() > 0.01
    np.testing.assert_array_equal(predicted[100.0], predicted[-100.0], "what is sent is sent")


def test_it_is_kept_and_goes_on(run: WorldTraining) -> None:
    folder = run.folder / TERMINATION
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    rest = replace(run, autoencoder_minutes=0, sketch_minutes=0, rolling_minutes=0, termination_minutes=0)
    again = train_world(rest, lambda _: None)
    assert again.termination is not None
    assert before == {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    kept = LatentBundle.load(run.folder / "weights").termination
    assert kept is not None and kept.config.often == again.termination.config.often


def test_without_one_nobody_is_told(squares: Path, tmp_path: Path) -> None:
    made = WorldTraining(
        data=[squares], folder=tmp_path, config=SMALL, minutes=0, whole=False, sketch_minutes=5,
        sketch_steps=1,
    )  # fmt: skip
    bundle = train_world(made, lambda _: None)
    assert bundle.termination is None and not (tmp_path / "weights" / TERMINATION).exists()
    frame = np.zeros((32, 32, 3), np.uint8)
    with pytest.raises(LatentWeightsError, match="expected a termination, got none"):
        LatentPipeline(bundle).is_over(frame, frame, "go right")
