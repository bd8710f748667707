"""Packed latents, and the script of the GPU at full length in small: without what that machine has not."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from tasks.data.layout import DatasetError
from tests.conftest import ROOT
from tests.video.latent.conftest import write as write_squares
from video.latent.asked import WorldTraining
from video.latent.bundle import LatentBundle
from video.latent.compiling import compiled
from video.latent.config import LatentConfig
from video.latent.gpu import GpuTraining, pack_world, train
from video.latent.latents import Latents
from video.latent.packed import keep_frames, read
from video.latent.pipeline import LatentPipeline
from video.latent.run import train_world
from video.latent.split import split
from video.latent.store import FrameStore, load

SMALL = LatentConfig(
    frames=3, seconds=0.6, channels=8, encoder_widths=(8, 8, 16), decoder_widths=(8, 8, 16), width=64,
    layers=2, heads=4, text_layers=1, dynamics_widths=(16, 32, 32), batch=8,
)  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    data = write_squares(folder / "data")
    run = WorldTraining(
        data=[data], folder=folder, config=SMALL, minutes=0, autoencoder_minutes=5, autoencoder_steps=20
    )
    train_world(run, lambda _: None)
    return folder


@pytest.fixture(scope="module")
def packed(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("video.latent.gpu.HELD_OUT_CLIPS", 8)  # most of a short training's time goes into them
        pack_world(world, folder, config=SMALL, every=3, megabytes=60)
    return folder


def test_frames_that_clips_need_are_kept(world: Path) -> None:
    whole = load(world / "store")
    text = whole.text.copy()
    text[10:24, 0] = 1 - text[10:24, 0]  # a second subgoal in the first episode
    store: FrameStore = replace(whole, text=text)
    kept, starts = keep_frames(store, 3, 6)
    there, ends = set(kept.tolist()), store.ends()
    assert 9 in there and 23 in there and 1 not in there and len(kept) < 0.45 * len(store)
    assert min(ends[starts, 0] - starts) <= 6, "until just before the end, nearer than a stride"
    for start in starts:
        assert {min(start + 6 * k, ends[start, 0] - 1) for k in range(4)} <= there
        later = [min(start + 6 * k, ends[start, 1] - 1) for k in range(4)]  # told the whole task
        assert all(max(frame for frame in kept if frame <= wanted) > wanted - 3 for wanted in later)
    with pytest.raises(ValueError, match="every: expected a divisor of 6, got 4"):
        keep_frames(store, 4, 6)


def test_latents_come_back_almost_as_they_were(world: Path, packed: Path) -> None:
    found, own = read(packed), split(load(world / "store"))[0]
    assert len(found.store) == len(own) == 7 * 24
    kept, starts = keep_frames(own, 3, 6)
    np.testing.assert_array_equal(found.starts, starts)
    np.testing.assert_array_equal(found.store.actions, own.actions)
    true = Latents(found.autoencoder, own)[kept].float()
    error = (found.latents[kept].float() - true).std((0, 2, 3)) / true.std((0, 2, 3))
    assert float(error.max()) < 0.05  # a twelfth, evenly spread, is 0.024
    assert found.held.truth.shape == (32, 3, 32, 32, 3) or len(found.held.first) < 32
    with pytest.raises(DatasetError, match="are not packed"):
        found.store.frames[np.array([0])]


def test_what_is_too_much_is_left_out(world: Path, tmp_path: Path) -> None:
    size = pack_world(world, tmp_path / "all", config=SMALL, every=1, megabytes=60)
    spare = sum(path.stat().st_size for path in (tmp_path / "all").glob("latents-*.bin")) / 2
    less = pack_world(world, tmp_path / "less", config=SMALL, every=1, megabytes=(size - spare + 2e6) / 1e6)
    assert less < size and 0 < len(read(tmp_path / "less").store) < len(read(tmp_path / "all").store)
    assert all(path.stat().st_size <= 16 * 2**20 for path in (tmp_path / "all").rglob("*"))


def test_packed_latents_that_are_damaged(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected packed latents in"):
        read(tmp_path)


def test_a_model_that_can_not_be_compiled_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLP_COMPILE", "1")

    def broken(model: torch.nn.Module) -> torch.nn.Module:
        raise RuntimeError("no compiler\nhere")

    monkeypatch.setattr(torch, "compile", broken)
    model, said = torch.nn.Linear(2, 2), list[str]()
    found = compiled(model, lambda net, b: net(b["x"]).sum(), {"x": torch.ones(3, 2)}, said.append)
    assert found is model and said == ["not compiled: no compiler here"]


@pytest.fixture
def paced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock by which whatever looks at it has taken 0.1 s: as many steps on any machine."""
    clock = SimpleNamespace(monotonic=itertools.count(step=0.1).__next__)
    for name in ("video.latent.gpu.time", "tasks.learning.trainer.time"):
        monkeypatch.setattr(name, clock)


@pytest.mark.usefixtures("paced")
def test_the_script_trains_evaluates_and_writes_in_time(packed: Path, tmp_path: Path) -> None:
    said: list[str] = []
    run = GpuTraining(
        packed=packed, out=tmp_path / "out", config=SMALL, minutes=0.3, work=tmp_path / "work", device="cpu",
        learning_rate=1e-3, report_seconds=2.0,
    )  # fmt: skip
    figures = train(run, said.append)
    assert "evaluated and written after" in said[-1] and 0.25 < float(said[-1].split()[4]) < 0.3
    bundle = LatentBundle.load(tmp_path / "out/weights")
    assert bundle.exposure is not None and bundle.exposure == read(packed).store.exposure
    assert bundle.is_whole and bundle.dynamics is not None
    first = np.asarray(read(packed).held.first[:2])
    assert LatentPipeline(bundle).imagine(first, ["go right"] * 2, [0, 1]).shape == (2, 3, 32, 32, 3)
    assert (
        json.loads((tmp_path / "out/figures.json").read_text())["psnr_imagined"] == figures["psnr_imagined"]
    )
    curve = [json.loads(line) for line in (tmp_path / "out/curve.jsonl").read_text().splitlines()]
    assert curve[-1]["loss"] < curve[0]["loss"]
    record = json.loads((tmp_path / "out/record.json").read_text())
    assert record["samples"] == curve[-1]["samples"] > 0
    with Image.open(tmp_path / "out/held-out.png") as sheet:
        assert sheet.size[0] == 4 * 32
    sketch = (tmp_path / "work/sketch/checkpoint.pt").read_bytes()
    again = train(replace(run, minutes=0.08), said.append)  # goes on
    assert (tmp_path / "work/sketch/checkpoint.pt").read_bytes() == sketch, "the whole has begun"
    assert len(json.loads((tmp_path / "out/record.json").read_text())["runs"]) == 2 and again


@pytest.mark.usefixtures("paced")
def test_a_prior_and_dynamics_are_trained_where_the_whole_is_not(packed: Path, tmp_path: Path) -> None:
    run = GpuTraining(
        packed=packed, out=tmp_path / "out", config=SMALL, minutes=0.1, work=tmp_path / "work", device="cpu",
        learning_rate=1e-3, whole=False, report_seconds=2.0,
    )  # fmt: skip
    figures = train(run, lambda _: None)
    bundle = LatentBundle.load(tmp_path / "out/weights")
    assert not bundle.is_whole and bundle.dynamics is not None and bundle.dynamics.config.beat == 3
    assert {"psnr_predicted", "action_error_explained"} <= set(figures)
    assert json.loads((tmp_path / "out/record.json").read_text())["samples"] > 0


def test_packed_latents_go_where_they_are_computed_with(packed: Path) -> None:
    found = read(packed).latents
    there = found.to("meta")
    index = np.array([0, 3])
    assert there[index].device.type == "meta" and found[index].device.type == "cpu"


BARE = """
import sys
from importlib.abc import MetaPathFinder
KNOWN = {"pybullet", "pyarrow", "av", "gymnasium", "scipy", "rich", "tyro", "accelerate", "pydantic",
         "openai", "langgraph", "jinja2", "peft", "vlp", "planner", "executors"}
class Lacking(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in KNOWN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Lacking())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name.split(".")[0] in KNOWN else found(name, *more)
from video.latent.gpu import main
import video.latent.gpu as gpu
from video.latent.compiling import compiled
from video.latent.config import LatentConfig
gpu.PRESETS["base"] = LatentConfig(frames=3, seconds=0.6, channels=8, encoder_widths=(8, 8, 16),
                                   decoder_widths=(8, 8, 16), width=64, layers=2, heads=4, text_layers=1,
                                   dynamics_widths=(16, 32, 32), batch=8)
main(sys.argv[1:])
"""


def test_the_script_needs_little(packed: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    words = ["train", str(packed), "out", "--minutes", "0.03", "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-c", BARE, *words], env=environment, cwd=tmp_path, capture_output=True, text=True,
        timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/weights/scale.json").is_file()
