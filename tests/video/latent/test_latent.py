"""The model of video and action at a small size, on pictures of a square that moves."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tasks.data.layout import DatasetError
from tests.once import once
from tests.video.latent.conftest import without_actions, write
from video.latent import autoencoder, text
from video.latent.asked import WorldTraining
from video.latent.bundle import LatentBundle, LatentWeightsError
from video.latent.clips import LatentClips
from video.latent.config import LatentConfig
from video.latent.latents import Latents
from video.latent.model import WorldModel
from video.latent.noise import levels
from video.latent.pipeline import LatentPipeline
from video.latent.run import train_world
from video.latent.store import FrameStore, load, pack
from video.latent.train import loss

SMALL = LatentConfig(
    frames=3, seconds=0.3, channels=8, encoder_widths=(8, 8, 16), decoder_widths=(8, 16, 32), width=64,
    layers=3, heads=4, text_layers=1, flow_widths=(16, 16, 16), batch=16,
)  # fmt: skip
WORLD = {
    "board",
    "camera",
    "env",
    "families",
    "goal",
    "grammar",
    "layout",
    "long",
    "slots",
    "success",
    "world",
}


def untrained(folder: Path, *data: Path) -> LatentBundle:
    """What no minutes of training give."""
    run = WorldTraining(data=data, folder=folder, config=SMALL, minutes=0)
    return train_world(run, lambda _: None)


class _Numbers:
    """Latents that are given."""

    def __init__(self, latents: Tensor) -> None:
        self._latents = latents

    def __len__(self) -> int:
        return len(self._latents)

    def __getitem__(self, index: np.ndarray[Any, Any]) -> Tensor:
        return self._latents[torch.from_numpy(index)]


def text_of(store: FrameStore) -> Any:
    """A tokenizer of its words."""
    return text.learn(store.texts)


def take_steps(model: Any, steps: int, rate: float, of: Callable[[], Tensor]) -> list[float]:
    """Losses of `steps` updates."""
    optimizer, seen = torch.optim.AdamW(model.parameters(), rate), []
    for _ in range(steps):
        value = of()
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        seen.append(float(value.detach()))
    return seen


def learn(store: FrameStore, eye_steps: int, steps: int, count: int) -> tuple[LatentBundle, list[float]]:
    """Train both parts on the first `count` clips for so many updates."""
    torch.manual_seed(0)
    eye, mean = autoencoder.build(SMALL), autoencoder.mean_picture(store)
    pictures = autoencoder.batches(store, 16, 0)
    take_steps(eye, eye_steps, 3e-3, lambda: autoencoder.loss(eye, mean, next(pictures))[0])
    tokenizer = text_of(store)
    clips = LatentClips(store, Latents(eye, store), tokenizer, SMALL)
    batch = clips.at(clips.starts[:: len(clips) // count][:count])
    model = WorldModel(
        frames=3,
        channels=8,
        height=8,
        width_=8,
        chunk=6,
        vocabulary=len(tokenizer),
        motion=clips.scale.motion,
        width=64,
        layers=3,
    )  # fmt: skip
    # Some are told nothing, as in every training: guards explain clips without words.
    silent = {**batch, "words": torch.zeros_like(batch["words"])}
    turns = cycle([batch, batch, batch, silent])
    seen = take_steps(model, steps, 3e-3, lambda: loss(model, clips.scale.motion, next(turns))[0])
    return LatentBundle(eye, model, tokenizer, clips.scale, (32, 32), 3, 10.0), seen


def by_heart(factory: pytest.TempPathFactory) -> Path:
    """Squares in data/, their frames in store/, and in weights/ what learned sixteen of their clips."""

    def make(root: Path) -> None:
        store = pack([write(root / "data")], root / "store", report=lambda _: None)
        learned, seen = learn(store, 120, 80, 16)
        learned.save(root / "weights")
        (root / "losses.json").write_text(json.dumps(seen))

    return once(factory, "by-heart", make)


@pytest.fixture(scope="module")
def bundle(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> LatentBundle:
    return untrained(tmp_path_factory.mktemp("bundle"), squares)


def test_pack_keeps_frames_words_and_actions(squares: Path, tmp_path: Path) -> None:
    store = pack([squares], tmp_path / "store", report=lambda _: None)
    assert store.frames.shape == (192, 32, 32, 3)
    assert [store.texts[k] for k in store.text[store.start, 0]] == ["go right", "go down"] * 4
    np.testing.assert_allclose(store.actions[:2], [[0, 0.75]] * 2)
    assert store.acted.all()


def test_a_store_of_other_data_is_not_gone_on_with(squares: Path, tmp_path: Path) -> None:
    pack([squares], tmp_path / "store", report=lambda _: None)
    assert len(pack([squares], tmp_path / "store", report=lambda _: None)) == 192
    other = write(tmp_path / "other")
    with pytest.raises(DatasetError, match=r"expected .*store to hold datasets \['.*other'\], got"):
        pack([other], tmp_path / "store", report=lambda _: None)
    with pytest.raises(DatasetError, match="to hold camera wrist, got None"):
        pack([squares], tmp_path / "store", camera="wrist", report=lambda _: None)


def test_a_store_of_an_older_version_is_said(squares: Path, tmp_path: Path) -> None:
    store = pack([squares], tmp_path / "store", report=lambda _: None)
    np.savez(tmp_path / "store" / "actions.npz", start=store.start, stop=store.stop)
    with pytest.raises(DatasetError, match="expected a store of this version"):
        pack([squares], tmp_path / "store", report=lambda _: None)


def test_a_clip_ends_where_its_subgoal_does(squares: Path, tmp_path: Path) -> None:
    whole = pack([squares], tmp_path / "store", report=lambda _: None)
    labels = whole.text.copy()
    labels[10:24, 0] = 1 - labels[10:24, 0]  # a second subgoal in the first episode
    store = replace(whole, text=labels)
    np.testing.assert_array_equal(
        store.ends()[[0, 9, 10, 23, 24]], [[10, 24], [10, 24], [24, 24], [24, 24], [48, 48]]
    )
    kept = torch.arange(192.0)[:, None, None, None].expand(-1, 8, 4, 4)
    clips = LatentClips(store, _Numbers(kept), text_of(store), SMALL)
    told = clips.at(np.array([4, 4]), np.array([0, 1]))
    latents = told["latents"][:, :, 0, 0, 0] * clips.scale.latent_std[0] + clips.scale.latent_mean[0]
    torch.testing.assert_close(latents.round(), torch.tensor([[4.0, 7, 9, 9], [4, 7, 10, 13]]))
    sent = told["actions"].reshape(2, 9, 2) * clips.scale.action_std + clips.scale.action_mean
    assert sent[0, 6:].abs().max() < 1e-5
    assert sent[1].abs().sum(1).min() > 0.1


def test_video_without_actions_is_learned_from_too(squares: Path, tmp_path: Path) -> None:
    silent = without_actions(write(tmp_path / "silent"))
    store = pack([squares, silent], tmp_path / "store", report=lambda _: None)
    assert store.acted[:192].all()
    assert not store.acted[192:].any()
    untrained(tmp_path, squares, silent)


def test_actions_that_are_not_there_are_neither_learned_nor_looked_at() -> None:
    torch.manual_seed(0)
    model = WorldModel(frames=3, channels=2, height=4, width_=4, chunk=6, vocabulary=9, width=32, heads=2)
    for layer in (model.out_video, model.level[2]):
        torch.nn.init.normal_(layer.weight, std=0.1)
    latents, words = torch.randn(2, 4, 2, 4, 4), torch.ones(2, 24, dtype=torch.long)
    clean, given = latents[:, 1:], (torch.full((2, 3), 0.5), torch.full((2, 3), 0.5))
    acted = torch.tensor([True, False])
    one = model(latents[:, 0], clean, torch.zeros(2, 3, 6), given, words, acted)[0]
    other = model(latents[:, 0], clean, torch.ones(2, 3, 6), given, words, acted)[0]
    assert not torch.allclose(one[0], other[0], atol=1e-6)
    torch.testing.assert_close(one[1], other[1])


def test_every_use_is_asked_for_in_training() -> None:
    video, action = levels(4000, 4, torch.device("cpu"))
    assert ((video == 0).all(1) & (action > 0).all(1)).float().mean() > 0.1  # explain
    assert ((action == 0).all(1) & (video > 0).all(1)).float().mean() > 0.1  # predict
    assert ((action == 1).all(1) & (video < 1).all(1)).float().mean() > 0.1  # imagine
    assert ((video == 1).all(1) & (action < 1).all(1)).float().mean() > 0.05  # act
    assert (video.std(1) > 0).float().mean() > 0.1
    assert float(video.min()) >= 0
    assert float(video.max()) <= 1


def test_the_four_uses(bundle: LatentBundle, squares: Path, tmp_path: Path) -> None:
    store = pack([squares], tmp_path / "store", report=lambda _: None)
    pipeline, frames = LatentPipeline(bundle, steps=2), np.asarray(store.frames[:2])
    clips = pipeline.imagine(frames, ["go right", "go down"], [1, 2])
    assert clips.shape == (2, 3, 32, 32, 3)
    assert clips.dtype == np.uint8
    acts = pipeline.act(frames, ["go right", "go down"], [1, 2])
    assert acts.shape == (2, 9, 2)
    assert pipeline.predict(frames, acts, [1, 2]).shape == clips.shape
    assert pipeline.explain(frames, clips, [1, 2]).shape == acts.shape
    alone = pipeline.imagine(frames[1:], ["go down"], [2])
    assert np.abs(alone[0].astype(int) - clips[1].astype(int)).max() <= 2  # the seed is the clip's own
    for _ in range(10):
        clips = pipeline.imagine(clips[:, -1], ["go right", "go down"], [1, 2])
    assert np.isfinite(clips.astype(float)).all()


def test_sixteen_clips_are_learned_by_heart(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The loss falls below a fixed share of its start, and the clips are drawn back."""
    root = by_heart(tmp_path_factory)
    store, bundle = load(root / "store"), LatentBundle.load(root / "weights")
    seen = json.loads((root / "losses.json").read_text())
    assert np.mean(seen[-20:]) < 0.3 * np.mean(seen[:5])
    starts = np.flatnonzero(np.arange(len(store)) % 24 < 21)
    starts = starts[:: len(starts) // 16][:16]
    truth = np.stack([store.frames[np.minimum(starts + 3 * k, starts // 24 * 24 + 23)] for k in (1, 2, 3)], 1)
    words = [store.texts[k] for k in store.text[starts, 0]]
    drawn = LatentPipeline(bundle, steps=4).imagine(store.frames[starts], words, list(range(16)))
    error = np.mean((drawn.astype(float) - truth) ** 2)
    assert 10 * np.log10(255**2 / error) >= 25


def test_poses_are_not_looked_at(squares: Path, tmp_path: Path) -> None:
    """A dataset whose columns of states are garbage gives the same weights, bit by bit."""
    garbage = write(tmp_path / "garbage", poses=123.0)
    bundles = []
    for name, data in (("a", squares), ("b", garbage)):
        bundles.append(learn(pack([data], tmp_path / name, report=lambda _: None), 6, 6, 16)[0])
    for part in ("autoencoder", "network"):
        one, other = (getattr(bundle, part).state_dict() for bundle in bundles)
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_save_and_load(bundle: LatentBundle, tmp_path: Path) -> None:
    bundle.save(tmp_path / "weights")
    again = LatentBundle.load(tmp_path / "weights")
    for name, value in bundle.network.state_dict().items():
        torch.testing.assert_close(again.network.state_dict()[name], value)
    assert (again.size, again.stride) == ((32, 32), 3)
    (tmp_path / "weights/scale.json").unlink()
    with pytest.raises(LatentWeightsError, match="expected a model of `vlp train world`"):
        LatentBundle.load(tmp_path / "weights")


def test_datasets_that_do_not_fit_together(squares: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected"):
        pack([tmp_path / "nothing"], tmp_path / "store", report=lambda _: None)


def test_it_imports_no_world() -> None:
    for path in Path("video/latent").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                parts = (node.module or "").split(".")
                names = {alias.name for alias in node.names} | set(parts[1:2])
                assert parts[0] != "tasks" or not names & WORLD, f"{path}: {node.module}"
